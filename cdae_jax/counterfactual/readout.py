"""A linear reading of labels from latents, and its direction as an intervention: DiffAE, which knows no graph.

The manipulation of arXiv 2111.15640, section 4.2: latents are normalised, a linear model is fitted to the labels, and
a label is set by going along its weights. Nothing says what else should move.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

RIDGE = 1e-3  # relative to the number of rows


class Readout(NamedTuple):
    """y = ((z - mean) / sd) @ weights + bias, on flattened latents: mean, sd [n*k]; weights [n*k, n]; bias [n]."""

    mean: jax.Array
    sd: jax.Array
    weights: jax.Array
    bias: jax.Array


def fit_readout(z: np.ndarray, y: np.ndarray) -> Readout:
    """Ridge regression of standardised labels y [N, n], NaN where unknown, on latents z [N, n, k]."""
    from sklearn.linear_model import Ridge  # takes a second to import

    flat = z.reshape(len(z), -1).astype(np.float64)
    mean, sd = flat.mean(0), flat.std(0) + 1e-6
    inputs = (flat - mean) / sd
    weights, bias = np.zeros((inputs.shape[1], y.shape[1])), np.zeros(y.shape[1])
    for i in range(y.shape[1]):
        known = np.isfinite(y[:, i])
        fitted = Ridge(RIDGE * known.sum()).fit(inputs[known], y[known, i].astype(np.float64))
        weights[:, i], bias[i] = fitted.coef_, fitted.intercept_
    return Readout(*(np.asarray(array, np.float32) for array in (mean, sd, weights, bias)))


def read(readout: Readout, z: jax.Array) -> jax.Array:
    """Standardised labels [B, n] of latents z [B, n, k]."""
    flat = z.reshape(z.shape[0], -1)
    return ((flat - readout.mean[None]) / readout.sd[None]) @ readout.weights + readout.bias[None]


def move(readout: Readout, z: jax.Array, y_do: jax.Array, strength: jax.Array | None = None) -> jax.Array:
    """Latents z [B, n, k] moved along the weights until each variable set in y_do [B, n] (else NaN) reads as asked.

    One variable is met exactly; of several, each gets the step that it would need alone. strength [n] in 0..1: how much
    of each step is made, None for all.
    """
    gap = jnp.where(jnp.isfinite(y_do), y_do - read(readout, z), 0)
    if strength is not None:
        gap = gap * strength[None]
    directions = readout.weights / jnp.maximum(jnp.sum(readout.weights**2, axis=0, keepdims=True), 1e-12)
    return z + ((gap @ directions.T) * readout.sd[None]).reshape(z.shape)
