"""Measures of counterfactual quality, in NumPy. Every one says whether it is physical, normalised or in pixels."""

import warnings

import numpy as np
from skimage.metrics import structural_similarity

from cdae_jax.data.labels import as_classes
from cdae_jax.graph import CausalGraph

RESAMPLES = 1_000
SSIM_WINDOW = 11  # pixels a side


def absolute_gaps(graph: CausalGraph, read: np.ndarray, true: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """[N, n] |read - true| of labels [N, n], normalised (per training standard deviation); NaN where true is unknown.

    For a binary or categorical variable 1 where the class is wrong, else 0.
    """
    is_class = np.array([var.classes > 0 for var in graph.variables])
    gap = np.abs(as_classes(graph, read) - true)
    return np.where(is_class & np.isfinite(gap), gap != 0, gap / np.where(is_class, 1, sd))


def known_mean(values: np.ndarray, axis: int | None = 0) -> np.ndarray:
    """Mean over the entries that are not NaN; NaN if there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(values, axis=axis)


def absolute_error(graph: CausalGraph, read: np.ndarray, true: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean absolute error per variable of labels [N, n]: normalised (per training standard deviation), physical.

    Over the rows whose true label is known (not NaN); NaN if there are none. For a binary or categorical variable
    both are the share of wrong classes.
    """
    normalised = known_mean(absolute_gaps(graph, read, true, sd))
    is_class = np.array([var.classes > 0 for var in graph.variables])
    return normalised, normalised * np.where(is_class, 1, sd)


def bootstrap_interval(values: np.ndarray, seed: int = 0) -> list[float]:
    """The 95 % percentile interval of the mean of values [N] over images (Efron 1979); NaN entries are left out."""
    values = values[np.isfinite(values)]
    if not len(values):
        return [float("nan"), float("nan")]
    rows = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[rows].mean(1), [2.5, 97.5])
    return [float(low), float(high)]


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's, over the entries that both have; NaN where one is the same throughout."""
    from scipy.stats import spearmanr  # a second to import

    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 2 or np.ptp(a[known]) == 0 or np.ptp(b[known]) == 0:
        return float("nan")
    return float(spearmanr(a[known], b[known]).statistic)


def mean_with_interval(values: np.ndarray) -> dict:
    """{"mean", "interval", "count"} of values [N] over images, NaN left out."""
    return {
        "mean": float(known_mean(values)),
        "interval": bootstrap_interval(values),
        "count": int(np.isfinite(values).sum()),
    }


def macro_f1(read: np.ndarray, true: np.ndarray, num_classes: int) -> float:
    """Mean over classes of F1 = 2 TP / (2 TP + FP + FN) of labels [N]; absent ones left out, a NaN read is wrong."""
    is_read, is_true = (values[:, None] == np.arange(num_classes) for values in (read, true))
    hit, either = (is_read & is_true).sum(0), is_read.sum(0) + is_true.sum(0)
    return float(np.mean(2 * hit[either > 0] / either[either > 0]))


def squared_errors(images: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """[N] mean squared difference of each pair of uint8 images, on the scale 0..1."""
    return (((images.astype(np.float64) - reference) / 255) ** 2).mean((1, 2, 3))


def mean_squared_error(images: np.ndarray, reference: np.ndarray) -> float:
    """Mean squared difference of uint8 images, on the scale 0..1."""
    return float(squared_errors(images, reference).mean())


def psnr(mse: float) -> float:
    """Peak signal-to-noise ratio in dB of a mean squared error on the scale 0..1."""
    return float(10 * np.log10(1 / max(mse, 1e-12)))


def mse_and_psnr(images: np.ndarray, reference: np.ndarray) -> dict:
    """{"mse", with its interval, "psnr"} of pairs of uint8 images, on the scale 0..1 and in dB."""
    mse = mean_with_interval(squared_errors(images, reference))
    return {"mse": mse, "psnr": psnr(mse["mean"])}


def ssim(images: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """[N] structural similarity of each pair of uint8 images (Wang et al. 2004; Gaussian window, sd 1.5), at most 1.

    NaN for images that are smaller than the window.
    """
    if min(images.shape[1:3]) < SSIM_WINDOW:
        return np.full(len(images), np.nan)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    options |= {"channel_axis": -1, "data_range": 255}
    return np.array([structural_similarity(*pair, **options) for pair in zip(images, reference, strict=True)])


def sharpness(images: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """[N] the strength of each image's edges, as a multiple of the mean of those of the reference; all uint8.

    The strength is the mean squared difference of neighbouring pixels (squared gradient): blurred images
    are below 1, noisy ones above.
    """

    def edges(x):
        x = x.astype(np.float64)
        return sum((np.diff(x, axis=axis) ** 2).mean((1, 2, 3)) for axis in (1, 2))

    return edges(images) / max(float(edges(reference).mean()), 1e-12)


def frechet_distance(features: np.ndarray, reference: np.ndarray) -> float:
    """Squared Frechet distance between Gaussians fitted to features [N, D] and [M, D] (arXiv 1706.08500, eq. 6).

    In squared units of the features; it falls with the number of samples, so compare only at the same one. NaN for
    fewer than two.
    """
    if min(len(features), len(reference)) < 2:
        return float("nan")
    first, second = (np.cov(x.astype(np.float64), rowvar=False) for x in (features, reference))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ second @ root)
    gap = features.mean(0) - reference.mean(0)
    return float(gap @ gap + np.trace(first) + np.trace(second) - 2 * np.sqrt(np.maximum(cross, 0)).sum())


def minimality(factual: np.ndarray, counterfactual: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[N] how far features [N, D] went, relative to another image's that has the wanted value.

    |counterfactual - factual| / mean |others - factual|: 0 if nothing changed, about 1 if the image became any image
    of that value (after Melistas et al., arXiv 2403.20287, section 3).
    """
    far = np.linalg.norm(others - factual, axis=1).mean()
    return np.linalg.norm(counterfactual - factual, axis=1) / max(float(far), 1e-12)


def mean_of_cells(per_image: np.ndarray) -> np.ndarray:
    """[N] numbers of the images whose mean is the mean over all cells, and whose spread is that of what they add to it.

    A cell is a variable under an intervention, and per_image [do, N, n] its errors, NaN where nobody knows the truth.
    Interventions count alike, and so do the known variables of each: the means of cells are averaged, and each image
    has that average plus its deviations from them, as its shares of the cells weigh them. NaN if nothing is known.
    """
    is_known = np.isfinite(per_image)
    counts = is_known.sum(1, keepdims=True)  # [do, 1, n] images of each cell
    means = np.where(is_known, per_image, 0).sum(1, keepdims=True) / np.maximum(counts, 1)
    cells = (counts > 0).sum(2, keepdims=True)  # [do, 1, 1] known ones of each intervention
    weights = (counts > 0) / np.maximum(cells, 1) / max(1, int((cells > 0).sum()))
    if not is_known.any():
        return np.full(per_image.shape[1], np.nan)
    gaps = np.where(is_known, per_image - means, 0) / np.maximum(counts, 1)
    return (weights * means).sum() + per_image.shape[1] * (weights * gaps).sum((0, 2))
