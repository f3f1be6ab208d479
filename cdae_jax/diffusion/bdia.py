"""BDIA-DDIM: sampling that is undone exactly (BDIA-DDIM; Zhang et al. 2023, arXiv 2307.10829). Knows no Flax.

Every step uses the two states before it, and only the middle one in the network, so that the step can be solved for
the first as well as for the last. With x_{i->j} the DDIM step (`ddim_update`) from node i to j, from noise to image

    x_{i-1} = x_{i->i-1} + gamma (x_{i+1} - x_{i->i+1})

and from image to noise the same equation solved for x_{i+1}. The abducted noise is the pair of the last two states;
from it the image returns to float error at any number of steps, under the same eps. One network evaluation a step.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from cdae_jax.diffusion.ddim import EpsFn, ddim_update, nodes
from cdae_jax.diffusion.process import Schedule

GAMMA = 1.0


class Pair(NamedTuple):
    """The two noisiest states, each [B, ...]: x_T, and the one a step before it."""

    x_T: jax.Array
    before: jax.Array


def bdia_encode(eps_fn: EpsFn, schedule: Schedule, x_0: jax.Array, t: jax.Array) -> Pair:
    """The noise of images x_0 [B, ...] along the steps t [N] of `grids.time_grid`; N network evaluations."""
    index, alpha_bar = nodes(schedule, t)
    first = ddim_update(x_0, eps_fn(x_0, jnp.full(x_0.shape[:1], index[0])), alpha_bar[0], alpha_bar[1])

    def step(pair, inputs):
        cleaner, x = pair
        t, alpha_bar_cleaner, alpha_bar, alpha_bar_noisier = inputs
        eps = eps_fn(x, jnp.full(x.shape[:1], t))
        back = ddim_update(x, eps, alpha_bar, alpha_bar_cleaner)
        noisier = ddim_update(x, eps, alpha_bar, alpha_bar_noisier) + (cleaner - back) / GAMMA
        return (x, noisier), None

    steps = (index[1:], alpha_bar[:-2], alpha_bar[1:-1], alpha_bar[2:])
    before, x_T = jax.lax.scan(step, (x_0, first), steps)[0]
    return Pair(x_T, before)


def bdia_decode(eps_fn: EpsFn, schedule: Schedule, noise: Pair | jax.Array, t: jax.Array) -> jax.Array:
    """The image x_0 [B, ...]: from a pair N - 1 network evaluations, from x_T alone N (the first step is DDIM's)."""
    index, alpha_bar = nodes(schedule, t)
    if not isinstance(noise, Pair):
        eps = eps_fn(noise, jnp.full(noise.shape[:1], t[-1]))
        noise = Pair(noise, ddim_update(noise, eps, alpha_bar[-1], alpha_bar[-2]))

    def step(pair, inputs):
        noisier, x = pair
        t, alpha_bar_cleaner, alpha_bar, alpha_bar_noisier = inputs
        eps = eps_fn(x, jnp.full(x.shape[:1], t))
        forth = ddim_update(x, eps, alpha_bar, alpha_bar_noisier)
        cleaner = ddim_update(x, eps, alpha_bar, alpha_bar_cleaner) + GAMMA * (noisier - forth)
        return (x, cleaner), None

    steps = (index[1:], alpha_bar[:-2], alpha_bar[1:-1], alpha_bar[2:])
    return jax.lax.scan(step, (noise.x_T, noise.before), steps, reverse=True)[0][1]
