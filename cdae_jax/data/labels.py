"""Physical labels and their standardised form."""

import dataclasses

import numpy as np

from cdae_jax.errors import InputError
from cdae_jax.graph import CLASS, CausalGraph


def as_classes(graph: CausalGraph, labels: np.ndarray) -> np.ndarray:
    """Labels [N, n] with the binary and categorical columns rounded to the nearest class."""
    rounded = np.array(labels, np.float64)
    for i, var in enumerate(graph.variables):
        if var.classes:
            rounded[:, i] = np.clip(np.rint(rounded[:, i]), 0, var.classes - 1) + 0.0  # no negative zero
    return rounded


NUM_ROWS = 1024  # of training labels that a model keeps


@dataclasses.dataclass(frozen=True)
class LabelStats:
    """Statistics of the training labels; float64 arrays [n] in physical units, in the graph's order.

    y = (label - mean) / sd. With the scale "range" mean and sd are the middle and half the width of the range, so that
    y is in [-1, 1]. They are 0 and 1 for a categorical variable, so that y is the code of the class, and 0.5 and 0.5
    for a binary effect with the mechanism CLASS, so that y is -1 or 1.
    """

    mean: np.ndarray
    sd: np.ndarray
    low: np.ndarray  # smallest training label
    high: np.ndarray  # largest
    rows: np.ndarray  # [R, n] the first training rows with all labels, for sampling without labels
    seen: np.ndarray | None = None  # the same of images too in which a variable was set, where there are any

    @classmethod
    def of(cls, labels: np.ndarray, graph: CausalGraph, scale: str = "sd", num_rows: int = NUM_ROWS) -> "LabelStats":
        """Statistics of labels [N, n], NaN where unlabelled; scale is "sd" or "range"; num_rows is the most R can be.

        Raises InputError for a variable without labels, or whose labels are all the same.
        """
        for i, name in enumerate(graph.names):
            known = labels[np.isfinite(labels[:, i]), i]
            if not len(known) or known.min() == known.max():
                raise InputError(
                    f"the variable {name!r} has {'no' if not len(known) else 'only one'} value among the"
                    " training labels: give it labels that vary, or leave it out of the graph"
                )
        labels = labels.astype(np.float64)  # float32 cannot tell large numbers such as times apart
        statistics = (np.nanmean, np.nanstd, np.nanmin, np.nanmax)
        mean, sd, low, high = (statistic(labels, axis=0) for statistic in statistics)
        if scale == "range":
            mean, sd = (low + high) / 2, (high - low) / 2
        is_class = np.array([var.kind == "categorical" for var in graph.variables])
        mean, sd = np.where(is_class, 0.0, mean), np.where(is_class, 1.0, sd)
        is_two = np.array([var.kind == "binary" and var.mechanism == CLASS for var in graph.variables])
        mean, sd = np.where(is_two, 0.5, mean), np.where(is_two, 0.5, sd)
        return cls(mean, sd, low, high, _whole(labels)[:num_rows])

    def seen_with(self, labels: np.ndarray, num_rows: int = NUM_ROWS) -> "LabelStats":
        """The same with the range and the rows `seen` of all training labels [N, n], also of images in which a variable
        was set, from which the other statistics are not."""
        low, high = (end(labels.astype(np.float64), axis=0) for end in (np.nanmin, np.nanmax))
        return dataclasses.replace(self, low=low, high=high, seen=_whole(labels.astype(np.float64))[:num_rows])

    def standardise(self, labels: np.ndarray) -> np.ndarray:
        """Physical -> standardised, [..., n] float32; NaN stays NaN."""
        return ((labels - self.mean) / self.sd).astype(np.float32)

    def physical(self, y: np.ndarray) -> np.ndarray:
        """Standardised -> physical, [..., n] float64."""
        return y * self.sd + self.mean

    def to_dict(self) -> dict:
        """Plain data for JSON; `from_dict` reads it back."""
        return {name: value.tolist() for name, value in vars(self).items() if value is not None}

    @classmethod
    def from_dict(cls, stored: dict) -> "LabelStats":
        return cls(**{name: np.asarray(value, np.float64) for name, value in stored.items()})


def _whole(labels: np.ndarray) -> np.ndarray:
    """The rows [R, n] of labels [N, n] that lack none."""
    return labels[np.isfinite(labels).all(1)]


def shown(value: float, low: float, high: float, digits: int = 4) -> str:
    """A number with `digits` significant digits, or more where the range low..high is small beside its ends."""
    more = np.log10(max(abs(low), abs(high)) / (high - low)) if high > low else 0
    return f"{value:.{digits + int(np.clip(np.rint(more), 0, 12))}g}"
