"""Measures of counterfactual quality, in NumPy. Every one says whether it is physical, normalised or in pixels."""

import numpy as np


def absolute_error(read: np.ndarray, true: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean absolute error per variable of labels [N, n]: normalised (per training standard deviation), physical."""
    physical = np.abs(read.astype(np.float64) - true).mean(0)
    return physical / sd, physical


def mean_squared_error(images: np.ndarray, reference: np.ndarray) -> float:
    """Mean squared difference of uint8 images, on the scale 0..1."""
    return float((((images.astype(np.float64) - reference) / 255) ** 2).mean())


def psnr(mse: float) -> float:
    """Peak signal-to-noise ratio in dB of a mean squared error on the scale 0..1."""
    return float(10 * np.log10(1 / max(mse, 1e-12)))
