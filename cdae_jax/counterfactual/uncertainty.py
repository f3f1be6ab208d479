"""How sure a counterfactual is: what a model may misread in an image, and how else its mechanisms may be (ours).

On validation images, on which nothing is trained, the encoder's reading is off by

    true_i - read_i = s_i(f) e_i,      log s_i linear in features f of the reading.

The features are those of `features_of`: what is read, its squares and products, and how far each block of z is from
the code of its label. (The encoder's log variance is none of them: trained by its KL alone it says next to nothing of
the image.) e is not assumed to be normal: it is the error on validation images, each divided by a scale that was fitted
without it. A draw takes one image's whole row, so that variables that are misread together stay together. Hence the
middle 90 % of draws hold 90 % of true labels, however good the scales are (conformal prediction, with normalised
residuals: Lei et al. 2018, arXiv 1604.04173, section 5.2). A class is drawn from counted p(true | told).
"""

from collections.abc import Mapping
from typing import NamedTuple

import flax
import numpy as np

from cdae_jax.graph import CausalGraph, Variable

PENALTIES = np.logspace(-1, 5, 13)
FOLDS = 5
MIN_GAIN = 2.0  # standard errors: a scale that gains less by following the image is one for all images
FLOOR = 0.05  # share of the median |error| added before the logarithm, so that lucky readings do not dominate


class Reading(NamedTuple):
    """The errors of readings, numbers standardised and classes as codes 0, 1, ...; see the module's docstring.

    mean, sd [F] of the features; weights [F, n], bias [n] of the log scales, which stay in low..high [n]; errors
    [R, n], 0 of classes; confusion [n, C, C], p(true | told) of classes, the identity of numbers.
    """

    mean: np.ndarray
    sd: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    low: np.ndarray
    high: np.ndarray
    errors: np.ndarray
    confusion: np.ndarray


class Uncertainty(NamedTuple):
    """reading: the errors of labels read with these fit_steps; members: K sets of the mechanisms' parameters, as the
    causal layer has them, stacked on a first axis; {} where there are none."""

    fit_steps: int
    reading: Reading
    members: Mapping

    @property
    def num_members(self) -> int:
        return len(next(iter(_flat(self.members).values()))) if self.members else 0

    def member(self, k: int) -> dict:
        """The parameters of member k modulo K; {} without members."""
        at = k % max(1, self.num_members)
        return flax.traverse_util.unflatten_dict({name: a[at] for name, a in _flat(self.members).items()}, sep="/")

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Name -> array; `from_arrays` reads it back."""
        parts = {"reading": self.reading._asdict(), "members": self.members}
        return {"fit_steps": np.asarray(self.fit_steps), **_flat({name: part for name, part in parts.items() if part})}

    @classmethod
    def from_arrays(cls, stored: Mapping[str, np.ndarray]) -> "Uncertainty":
        """Raises KeyError or TypeError where something is missing."""
        parts = flax.traverse_util.unflatten_dict(dict(stored), sep="/")
        return cls(int(parts["fit_steps"]), Reading(**parts["reading"]), parts.get("members", {}))


class Spread(NamedTuple):
    """Of draws of labels: of numbers the standard deviation sd [B, n] and the 5..95 % interval low, high [B, n] in
    physical units; of classes sure [B, n], the share of draws that have the class that is told. NaN elsewhere."""

    sd: np.ndarray
    low: np.ndarray
    high: np.ndarray
    sure: np.ndarray

    def told(self, graph: CausalGraph, labels: np.ndarray) -> list[list[str]]:
        """Labels [B, n] in words, with the interval of each, "4.2 (3.9..4.6)", or how sure a class is, "cat (94 %)"; a
        label that has nothing to be unsure of stands alone."""

        def one(var: Variable, label, low, high, sure) -> str:
            if var.classes:
                return var.spell(label) + ("" if sure == 1 else f" ({sure:.0%})")
            ends = (f"{end:.3g}" for end in (low, high))
            return f"{label:.4g}" + ("" if high - low <= 1e-4 * abs(label) else f" ({'..'.join(ends)})")

        rows = zip(labels, self.low, self.high, self.sure, strict=True)
        return [[one(*cells) for cells in zip(graph.variables, *row, strict=True)] for row in rows]


def _flat(tree: Mapping) -> dict[str, np.ndarray]:
    return {name: np.asarray(leaf) for name, leaf in flax.traverse_util.flatten_dict(dict(tree), sep="/").items()}


def is_class(graph: CausalGraph) -> np.ndarray:
    """[n] bool: the variables that have classes."""
    return np.array([var.classes > 0 for var in graph.variables])


def features_of(y: np.ndarray, z: np.ndarray, code: np.ndarray) -> np.ndarray:
    """[B, F] of standardised labels read y [B, n], their latents z [B, n, k] and the codes of y [B, n, k]: y, its
    squares and products, and the logarithm of each block's distance to its code."""
    i, j = np.triu_indices(y.shape[1])
    apart = 0.5 * np.log(((z - code) ** 2).mean(-1) + 1e-8)
    return np.concatenate([y, y[:, i] * y[:, j], apart], 1).astype(np.float64)


def fit_reading(features: np.ndarray, read: np.ndarray, true: np.ndarray, graph: CausalGraph) -> Reading:
    """The `Reading` from features [N, F], labels read [N, n] and true labels [N, n], NaN where unknown; numbers
    standardised, classes as codes. A scale follows the features only if that predicts left-out images better than one
    scale for all, by MIN_GAIN standard errors; with few images none does."""
    mean, sd = features.mean(0), features.std(0) + 1e-6
    inputs, (num, n) = (features - mean) / sd, read.shape
    weights, errors = np.zeros((inputs.shape[1], n)), np.zeros((num, n))
    bias, low, high = np.zeros((3, n))
    most = max([2, *(var.classes for var in graph.variables)])
    confusion, rng = np.tile(np.eye(most), (n, 1, 1)), np.random.default_rng(0)
    for i, var in enumerate(graph.variables):
        known = np.isfinite(true[:, i])
        if var.classes:
            np.add.at(confusion[i], (read[known, i].astype(int), true[known, i].astype(int)), 1)
            confusion[i] /= confusion[i].sum(-1, keepdims=True)
            continue
        gap = true[known, i] - read[known, i]
        weights[:, i], bias[i], at = _log_scale(inputs[known], gap)
        low[i], high[i] = at.min(), at.max()
        errors[known, i] = gap / np.exp(at)
        errors[~known, i] = rng.choice(errors[known, i], (~known).sum())
    return Reading(mean, sd, weights, bias, low, high, errors, confusion)


def _log_scale(inputs: np.ndarray, gap: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Weights [F] and bias of log |gap| [N] on inputs [N, F], and what each row's would be if fitted without it [N]."""
    from sklearn.linear_model import RidgeCV  # takes a second to import
    from sklearn.model_selection import KFold, cross_val_predict

    size = np.abs(gap)
    wanted = np.log(size + FLOOR * np.median(size) + 1e-6)
    nothing = np.zeros(inputs.shape[1]), float(wanted.mean()), np.full(len(gap), wanted.mean())
    if len(gap) < 4 * FOLDS:
        return nothing
    folds, ridge = KFold(FOLDS, shuffle=True, random_state=0), RidgeCV(PENALTIES)
    at = cross_val_predict(ridge, inputs, wanted, cv=folds)
    gain = (wanted - wanted.mean()) ** 2 - (wanted - at) ** 2
    if gain.mean() < MIN_GAIN * gain.std() / np.sqrt(len(gain)):
        return nothing
    fitted = ridge.fit(inputs, wanted)
    return fitted.coef_, float(fitted.intercept_), at


def scales(reading: Reading, features: np.ndarray) -> np.ndarray:
    """The scales s [B, n] of errors, from features [B, F]; they mean something for numbers alone."""
    log_scale = ((features - reading.mean) / reading.sd) @ reading.weights + reading.bias
    return np.exp(np.clip(log_scale, reading.low, reading.high))


def draw_labels(
    reading: Reading, read: np.ndarray, features: np.ndarray, graph: CausalGraph, rng: np.random.Generator
) -> np.ndarray:
    """True labels [B, n] that may have been read as `read` [B, n], numbers standardised and classes as codes."""
    errors = reading.errors[rng.integers(len(reading.errors), size=len(read))]
    drawn = read + scales(reading, features) * errors
    for i in np.flatnonzero(is_class(graph)):
        chances = reading.confusion[i][read[:, i].astype(int)].cumsum(-1)
        drawn[:, i] = (rng.random((len(read), 1)) > chances).sum(-1).clip(0, graph.variables[i].classes - 1)
    return drawn


def spread_of(drawn: np.ndarray, told: np.ndarray, graph: CausalGraph) -> Spread:
    """The `Spread` of draws [K, B, n] of labels; told [B, n] are the labels without draws. Physical, classes as codes.

    The j-th smallest of K draws counts as the quantile j / (K + 1), the expected share of further draws below it. From
    19 draws on the interval thus holds 90 %; with fewer it is the range of all, which holds (K - 1) / (K + 1).
    """
    classes = np.broadcast_to(is_class(graph), told.shape)
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0, method="weibull")
    numbers = (np.where(classes, np.nan, found) for found in (drawn.std(0, ddof=1), low, high))
    return Spread(*numbers, np.where(classes, (drawn == told[None]).mean(0), np.nan))
