"""Measures of counterfactual quality, in NumPy. Every one says whether it is physical, normalised or in pixels."""

import warnings

import numpy as np

from cdae_jax.graph import CausalGraph


def as_classes(graph: CausalGraph, labels: np.ndarray) -> np.ndarray:
    """Labels [N, n] with the binary and categorical columns rounded to the nearest class."""
    rounded = np.array(labels, np.float64)
    for i, var in enumerate(graph.variables):
        if var.classes:
            rounded[:, i] = np.clip(np.rint(rounded[:, i]), 0, var.classes - 1)
    return rounded


def absolute_error(
    graph: CausalGraph, read: np.ndarray, true: np.ndarray, sd: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean absolute error per variable of labels [N, n]: normalised (per training standard deviation), physical.

    Over the rows whose true label is known (not NaN); NaN if there are none. For a binary or categorical variable
    both are the share of wrong classes.
    """
    is_class = np.array([var.classes > 0 for var in graph.variables])
    gap = np.abs(as_classes(graph, read) - true)
    gap = np.where(is_class & np.isfinite(gap), gap != 0, gap)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column without a known label
        physical = np.nanmean(gap, axis=0)
    return physical / np.where(is_class, 1, sd), physical


def macro_f1(read: np.ndarray, true: np.ndarray, num_classes: int) -> float:
    """Mean of F1 = 2 TP / (2 TP + FP + FN), over classes [N]; absent classes are left out."""
    scores = []
    for c in range(num_classes):
        hit, either = np.sum((read == c) & (true == c)), np.sum(read == c) + np.sum(true == c)
        if either:
            scores.append(2 * hit / either)
    return float(np.mean(scores))


def mean_squared_error(images: np.ndarray, reference: np.ndarray) -> float:
    """Mean squared difference of uint8 images, on the scale 0..1."""
    return float((((images.astype(np.float64) - reference) / 255) ** 2).mean())


def psnr(mse: float) -> float:
    """Peak signal-to-noise ratio in dB of a mean squared error on the scale 0..1."""
    return float(10 * np.log10(1 / max(mse, 1e-12)))
