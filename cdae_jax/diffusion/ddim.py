"""Deterministic sampling and its inversion (DDIM, Song et al. 2021, arXiv 2010.02502).

A denoiser is any function eps_fn(x_t, t) -> eps with x_t [B, ...] and t [B] int32 step indices.
Both directions integrate the same ordinary differential equation by Euler steps in x / sqrt(alpha_bar):

    x_{t'} = sqrt(alpha_bar_{t'}) x_0_hat + sqrt(1 - alpha_bar_{t'}) eps,   x_0_hat from (x_t, eps)   (eq. 13)

so decode(encode(x_0)) returns to x_0 with an error of first order in the step length.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from cdae_jax.diffusion.process import Schedule, signal_noise, x_0_from_eps

EpsFn = Callable[[jax.Array, jax.Array], jax.Array]


def nodes(schedule: Schedule, t: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The states (nodes) that a solver visits along the steps t [N]; node 0 is the clean image.

    Returns the step index at which the network sees each of the nodes 0..N-1, [N] int32, and alpha_bar of the nodes
    0..N, [N + 1]. For the image alpha_bar is 1, and the network sees it at step 0, the cleanest that it knows.
    """
    index = jnp.concatenate([jnp.zeros((1,), jnp.int32), t[:-1]])
    return index, jnp.concatenate([jnp.ones((1,), jnp.float32), schedule.alpha_bar[t]])


def both_ways(integrate: Callable) -> Callable:
    """A solver of both directions from integrate(eps_fn, x, t, alpha_bar) -> x, which takes x from the first to the
    last node of alpha_bar [N + 1]; t [N] are the step indices at which the network sees them."""

    def solve(eps_fn: EpsFn, schedule: Schedule, x: jax.Array, t: jax.Array, to_noise: bool | jax.Array) -> jax.Array:
        """x_T [B, ...], noise of the last of the steps t [N] of `grids.time_grid`, from which x_0 comes back, of the
        image x_0; or x_0 of x_T if not to_noise, which may be traced. N network evaluations."""
        index, alpha_bar = nodes(schedule, t)
        grid = jax.tree.map(functools.partial(jnp.where, to_noise), (index, alpha_bar), (t[::-1], alpha_bar[::-1]))
        return integrate(eps_fn, x, *grid)

    return solve


def ddim_update(x_t: jax.Array, eps: jax.Array, alpha_bar: jax.Array, alpha_bar_next: jax.Array) -> jax.Array:
    """x [B, ...] at alpha_bar_next from x_t [B, ...] at alpha_bar, scalars or [B], either of which may be the larger:
    one step of arXiv 2010.02502, eq. 13 with sigma = 0."""
    signal, noise = signal_noise(alpha_bar_next, x_t.ndim)
    return signal * x_0_from_eps(x_t, eps, alpha_bar) + noise * eps


def _euler(eps_fn: EpsFn, x: jax.Array, t: jax.Array, alpha_bar: jax.Array) -> jax.Array:
    def step(x, inputs):
        t, alpha_bar, alpha_bar_next = inputs
        eps = eps_fn(x, jnp.full(x.shape[:1], t))
        return ddim_update(x, eps, alpha_bar, alpha_bar_next), None

    return jax.lax.scan(step, x, (t, alpha_bar[:-1], alpha_bar[1:]))[0]


ddim = both_ways(_euler)
