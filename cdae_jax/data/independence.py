"""A test of whether two columns of labels are independent given others, which sees more than correlations.

It is the generalised covariance measure (Shah and Peters 2020, arXiv 1804.07203) of several features of each column,
weighted by functions of what is given (Scheidegger et al. 2022, arXiv 2111.04361): what a regression on the given
columns leaves of the one should not covary with what it leaves of the other. The largest studentised covariance is
compared with those of permuted rows (DiCiccio and Romano 2017), which is exact where nothing is given.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

DEGREE = 3  # of the polynomials of ranks: one bend of a function shows in the second
LANDMARKS = 200  # of the kernel, more than the functions of a few labels need
WIDTHS = (0.5, 1.0, 2.0)  # of the kernel, for given columns of variance 1
RIDGES = np.logspace(-5, 3, 17)
DETERMINED = 0.002  # of a column's variance: less than this left of it is error of the regression
CHUNK = 64  # permutations at once
ENOUGH = 20


def features(column: np.ndarray, classes: int) -> np.ndarray:
    """A column [N] as [N, d]: one-hot classes without the first, or Legendre polynomials of its ranks in -1..1."""
    if classes:
        return (column[:, None] == np.unique(column)[1:]).astype(np.float64)
    ranks = (2 * pd.Series(column).rank().to_numpy() - 1) / len(column) - 1
    return np.polynomial.legendre.legvander(ranks, DEGREE)[:, 1:]


def _coordinates(given: tuple[np.ndarray, ...], classes: tuple[int, ...]) -> np.ndarray:
    """Given columns as [N, q] of about variance 1: ranks, and one dimension for each class."""
    parts = [features(column, many)[:, : many or 1] for column, many in zip(given, classes, strict=True)]
    return standardised(np.concatenate(parts, 1))


def standardised(columns: np.ndarray) -> np.ndarray:
    """Columns [N, q] with mean 0 and variance 1, or 0 where they are constant."""
    return (columns - columns.mean(0)) / np.maximum(columns.std(0), 1e-12)


def remainder(target: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The residuals [N, d] of targets [N, d] after a regression on given columns [N, q]; q may be 0.

    Kernel ridge regression on up to LANDMARKS rows; each row is predicted from the others in closed form, and the width
    and the ridge with the smallest such error are taken, for each target by itself.
    """
    from scipy.spatial.distance import cdist  # takes a third of a second to import

    target = target - target.mean(0)
    if not given.shape[1]:
        return target
    best, error = target.copy(), (target**2).mean(0)
    places = np.random.default_rng(0).permutation(len(given))[:LANDMARKS]
    squares, inner = cdist(given, given[places], "sqeuclidean"), cdist(given[places], given[places], "sqeuclidean")
    for width in WIDTHS:
        scale = 2 * given.shape[1] * width**2
        values, vectors = np.linalg.eigh(np.exp(-inner / scale))
        kept = values > 1e-9 * values[-1]
        lifted = np.exp(-squares / scale) @ (vectors[:, kept] / np.sqrt(values[kept]))
        left, singular, _ = np.linalg.svd(lifted - lifted.mean(0), full_matrices=False)
        inside = left.T @ target
        for ridge in RIDGES:
            shrunk = singular**2 / (singular**2 + ridge)
            room = 1 - 1 / len(given) - left**2 @ shrunk
            rest = (target - left @ (shrunk[:, None] * inside)) / np.maximum(room, 1e-3)[:, None]
            found = (rest**2).mean(0)
            better = found < error
            best[:, better], error[better] = rest[:, better], found[better]
    return best


def _covariances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Studentised covariances [a, b] of centred columns, left [N, a] and right [N, b], without their sign."""
    mean = left.T @ right / len(left)
    spread = (left**2).T @ right**2 / len(left) - mean**2
    return np.sqrt(len(left)) * np.abs(mean) / np.sqrt(np.maximum(spread, 1e-12))


def permuted(left: np.ndarray, right: np.ndarray, permutations: int) -> float:
    """p-value of the independence of the rows of left [N, a] and right [N, b].

    It stops once ENOUGH permutations show as large a statistic (Besag and Clifford 1991), which is as exact.
    """
    num, rng = len(left), np.random.default_rng(0)
    left, right = left - left.mean(0), right - right.mean(0)
    seen, beyond = _covariances(left, right).max() * (1 - 1e-9), 0
    for start in range(0, permutations, CHUNK):
        size = min(CHUNK, permutations - start)
        order = rng.permuted(np.tile(np.arange(num)[:, None], size), axis=0)
        found = _covariances(left, right[order].reshape(num, -1)).reshape(left.shape[1], size, -1).max((0, 2))
        so_far = beyond + np.cumsum(found >= seen)
        if so_far[-1] >= ENOUGH:
            return ENOUGH / (start + 1 + int(np.searchsorted(so_far, ENOUGH)))
        beyond = int(so_far[-1])
    return (1 + beyond) / (1 + permutations)


class Found(NamedTuple):
    """The p-value of the independence, NaN where the given columns determine one of the two; and the mutual
    information in nats of what the given columns leave of both."""

    p: float
    nats: float


def dependence(a: np.ndarray, b: np.ndarray) -> float:
    """Mutual information of two columns [N] in nats, at least 0 (nearest neighbours; Kraskov et al. 2004, arXiv
    cond-mat/0305641); with few rows chance alone makes some hundredths."""
    from sklearn.feature_selection import mutual_info_regression  # takes two seconds to import

    return float(mutual_info_regression(a[:, None], b, random_state=0)[0])


def conditional_test(
    labels: np.ndarray, classes: tuple[int, ...], first: int, second: int, given: tuple[int, ...], permutations: int
) -> Found:
    """Tests whether two columns of labels [N, n] without NaN are independent given others, by permutations.

    classes: how many each column has, 0 for a number; permutations: how many are made at most.
    """
    around = np.zeros((len(labels), 0))
    if given:
        around = _coordinates(tuple(labels[:, i] for i in given), tuple(classes[i] for i in given))
    sides = [features(labels[:, i], classes[i]) for i in (first, second)]
    with threadpool_limits(1):  # on so few rows threads cost more than they give
        left, right = (remainder(side, around) for side in sides)
        for side, rest in zip(sides, (left, right), strict=True):
            if (rest.var(0) <= DETERMINED * side.var(0)).all():
                return Found(float("nan"), 0.0)
        weights = np.concatenate([np.ones((len(labels), 1)), around], 1)
        weighted = (left[:, :, None] * weights[:, None]).reshape(len(labels), -1)
        return Found(permuted(weighted, right, permutations), dependence(left[:, 0], right[:, 0]))


def holm(p: np.ndarray) -> np.ndarray:
    """p-values [T] corrected for multiple tests (Holm 1979): the chance that any below a level is a false positive is
    at most this level. NaN stays, and does not count."""
    p, known = np.array(p, np.float64), np.flatnonzero(np.isfinite(p))
    rising = known[np.argsort(p[known])]
    p[rising] = np.minimum(np.maximum.accumulate(p[rising] * np.arange(len(rising), 0, -1)), 1)
    return p
