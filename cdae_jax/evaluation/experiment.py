"""What do() really does: counterfactuals compared with held-out images in which the same variable was really set.

No such image is the counterfactual of another, but together they are a sample of the interventional distribution. So
are the counterfactuals of a correct model under the values of the experiment: every variable read from the ones must be
distributed as it is when read from the others.
"""

from collections.abc import Sequence

import numpy as np

from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.labels import as_classes
from cdae_jax.evaluation.bench import Bench
from cdae_jax.graph import CausalGraph


def rows_with(dataset: Dataset, name: str) -> np.ndarray:
    """The held-out rows where this variable alone was set, to a value that is known; fewer than two are none."""
    if dataset.interventional is None:
        return np.zeros(0, int)
    labels, alone = dataset.interventional.labels, np.array([name == other for other in dataset.graph.names])
    is_set = (dataset.interventional.was_set == alone).all(1) & np.isfinite(labels[:, dataset.graph.index(name)])
    rows = np.flatnonzero(is_set)
    return rows if len(rows) > 1 else rows[:0]


def distances(graph: CausalGraph, read: np.ndarray, other: np.ndarray, sd: np.ndarray) -> list[float]:
    """How far the distribution of each variable in labels [N, n] is from that in [M, n].

    Of numbers the Wasserstein-1 distance per training standard deviation sd [n]; of classes the share of images that
    would have to change theirs (total variation).
    """
    from scipy.stats import wasserstein_distance  # a second to import

    first, second, found = as_classes(graph, read), as_classes(graph, other), []
    for i, var in enumerate(graph.variables):
        if var.classes:
            shares = [np.bincount(labels[:, i].astype(int), minlength=var.classes) for labels in (first, second)]
            found.append(float(np.abs(shares[0] / len(first) - shares[1] / len(second)).sum() / 2))
        else:
            found.append(float(wasserstein_distance(first[:, i], second[:, i]) / sd[i]))
    return found


def measure_experiment(bench: Bench, name: str) -> dict:
    """`distances` of every variable from the experiment's images: "distance", of counterfactuals under do(name = the
    values that it was set to); "halves", of two halves of these images from each other; "unchanged", of the factual
    images. "count" is the number of the experiment's images: at random, at most as many as are tested."""
    test, graph, held = bench.test, bench.dataset.graph, bench.dataset.interventional
    rng = np.random.default_rng([bench.seed, graph.index(name), 2])
    real: Split = held.take(rng.permutation(rows_with(bench.dataset, name))[: max(2, len(test))])
    values = np.resize(real.labels[:, graph.index(name)], len(test))
    images, _ = bench.counterfactual(test.images, {name: values}, test.context)
    made, seen, before = map(bench.read, (images, real.images, test.images))
    pairs = {"distance": (made, seen), "halves": (seen[::2], seen[1::2]), "unchanged": (before, seen)}
    found = {
        what: dict(zip(graph.names, distances(graph, *pair, bench.sd), strict=True)) for what, pair in pairs.items()
    }
    return found | {"count": len(real)}


def told(results: dict, names: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Of an evaluation's results the sentences on this measure, and the rows of its table."""
    by_do = results["experiment"]
    counts = sorted(found["count"] for found in by_do.values())
    num = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
    lines = [
        f"Against {num} held-out images of which the variable was really set: how far the distribution of each",
        "variable, read from the counterfactuals under the same values, is from that read from these images:",
        "Wasserstein-1 distance per standard deviation of the training labels (of classes: the share that would have",
        "to change). In brackets two halves of these images from each other; the factual images left unchanged.",
        "",
    ]
    rows = []
    for do, found in by_do.items():
        parts = ([found[what][name] for what in ("distance", "halves", "unchanged")] for name in names)
        rows.append([do, *(f"{distance:.3f} [{halves:.3f}; {idle:.3f}]" for distance, halves, idle in parts)])
    return lines, rows
