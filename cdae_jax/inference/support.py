"""How far a combination of labels lies from those of training: what no training image shows is drawn poorly."""

import numpy as np

from cdae_jax.graph import CausalGraph

FAR = 99.0  # support beyond this is warned about
CHANCE = 0.05  # of many images so many may lie beyond it by chance


class TrainingLabels:
    """Whole training labels [R, n], physical, as a reference.

    Distances are Euclidean between labels divided by their standard deviations; another class counts as sqrt(2), as far
    as two draws of a number lie apart on average (root mean square).
    """

    def __init__(self, rows: np.ndarray, graph: CausalGraph):
        self._graph, self._scale = graph, np.ones(len(graph))
        self._tree = None
        if len(rows) > 1:
            from scipy.spatial import cKDTree  # a third of a second to import

            spread = rows.std(0)
            self._scale = np.where(spread > 0, spread, 1)
            self._tree = cKDTree(self._placed(rows))
            self._apart = np.sort(self._tree.query(self._tree.data, 2)[0][:, 1])  # from each to the nearest other

    def _placed(self, labels: np.ndarray) -> np.ndarray:
        """Labels [B, n] as points; a class has a dimension for each of its values."""
        columns = [
            np.eye(var.classes)[labels[:, i].astype(int)] if var.classes else labels[:, i : i + 1] / self._scale[i]
            for i, var in enumerate(self._graph.variables)
        ]
        return np.concatenate(columns, 1)

    def distance(self, labels: np.ndarray) -> np.ndarray:
        """From labels [B, n], physical and codes of classes, to the nearest of training, [B]; NaN without these."""
        return np.full(len(labels), np.nan) if self._tree is None else self._tree.query(self._placed(labels))[0]

    def support(self, labels: np.ndarray) -> np.ndarray:
        """Percentiles [B], 0..100, of labels [B, n]: how many training rows have their nearest other row closer
        than these labels have theirs. 100 is farther than any; labels like those of training are spread evenly."""
        if self._tree is None:
            return np.full(len(labels), np.nan)
        return 100 * np.searchsorted(self._apart, self.distance(labels)) / len(self._apart)


def warning(support: np.ndarray | None) -> str | None:
    """A sentence if more counterfactuals than by chance lie far from the training labels; support [B] if known."""
    if support is None:
        return None
    far = int((support > FAR).sum())
    if far <= CHANCE * len(support):
        return None
    which = "these labels lie" if len(support) == 1 else f"the labels of {far} of {len(support)} counterfactuals lie"
    return (
        f"{which} farther from those of training than {FAR:.0f} % of these from each other: no training image shows"
        " such a combination, expect a poor image"
    )
