"""What the terms of the objective are made of: divergences, masks over labels, and what each sum is divided by."""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp

Condition = Literal["encoding", "mean", "mixed", "labels"]
Reduction = Literal["sum", "mean"]


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """The settings of the objective: the fields of `config.train` with the same names."""

    gamma: float
    anneal_steps: int
    kl_reduction: Reduction
    condition: Condition
    condition_drop: float
    refine_every: int
    steps: int  # of the whole training


def kl_standard_normal(mean: jax.Array, log_var: jax.Array) -> jax.Array:
    """KL[N(mean, exp(log_var)) || N(0, 1)], elementwise, in nats."""
    return 0.5 * (mean**2 + jnp.exp(log_var) - 1 - log_var)


def kl_gaussian(mean: jax.Array, log_var: jax.Array, prior_mean: jax.Array, prior_sd: float) -> jax.Array:
    """KL[N(mean, exp(log_var)) || N(prior_mean, prior_sd^2)], elementwise, in nats."""
    log_sd = jnp.log(jnp.float32(prior_sd))
    scaled = (jnp.exp(log_var) + (mean - prior_mean) ** 2) * jnp.exp(-2 * log_sd)
    return log_sd - 0.5 * log_var + 0.5 * (scaled - 1)


def mean_square(values: jax.Array) -> jax.Array:
    """The mean of the squares over pixels and channels, [B, H, W, C] -> [B]."""
    return jnp.mean(values**2, axis=(1, 2, 3))


def masked_sum(values: jax.Array, mask: jax.Array) -> jax.Array:
    """Sum of values [B, n, k] over the entries of mask [B, n]."""
    return jnp.sum(jnp.where(mask[..., None], values, 0))


def masks(batch: dict) -> dict[str, jax.Array]:
    """[B, n] bool for each divergence: the variables that it is a sum over."""
    return {"kl_u": ~batch["intervened"], "kl_z": jnp.isfinite(batch["y"])}


def counts(block_dim: int, reduction: Reduction, batch: dict) -> dict[str, jax.Array]:
    """What the sum of each term is divided by, float32 scalars of at least 1.

    The divergences are means over the dimensions that they are over; with the reduction "sum" they are means over
    images of sums over dimensions, as published.
    """
    images = jnp.asarray(len(batch["x"]))
    found = {name: block_dim * jnp.sum(mask) for name, mask in masks(batch).items()} | {"decoder": images}
    if reduction == "sum":
        found |= {"kl_u": images, "kl_z": images}
    return {name: jnp.maximum(count, 1).astype(jnp.float32) for name, count in found.items()}
