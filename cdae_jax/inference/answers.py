"""What a trained model answers."""

from typing import NamedTuple

import numpy as np

from cdae_jax.counterfactual.uncertainty import Spread


class _Pair(NamedTuple):
    images: np.ndarray
    labels: np.ndarray


class Counterfactuals(_Pair):
    """Unpacks into images [B, H, W, C] uint8 and labels [B, n], which the model holds true under do, in physical units.
    It also has, None where there are none or they are not asked for,
    u, z: [B, n, k] the exogenous noise of the factual images, and the causal latents under do;
    support: [B] how far such labels lie from those of training, see `TrainingLabels.support`;
    spread: of the labels over the draws; image_sd: [B, H, W, C] float32, the standard deviation of the images over
    them, in grey levels of 0..255."""

    u: np.ndarray | None = None
    z: np.ndarray | None = None
    support: np.ndarray | None = None
    spread: Spread | None = None
    image_sd: np.ndarray | None = None


class Believed(NamedTuple):
    """labels [B, n] as `predict` gives them without draws, and their spread over the draws."""

    labels: np.ndarray
    spread: Spread
