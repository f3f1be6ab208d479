"""Deterministic sampling and its inversion (DDIM, Song et al. 2021, arXiv 2010.02502). Knows no Flax.

A denoiser is any function eps_fn(x_t, t) -> eps with x_t [B, ...] and t [B] int32 step indices.
Both directions integrate the same ordinary differential equation by Euler steps in x / sqrt(alpha_bar):

    x_{t'} = sqrt(alpha_bar_{t'}) x_0_hat + sqrt(1 - alpha_bar_{t'}) eps,   x_0_hat from (x_t, eps)   (eq. 13)

so decode(encode(x_0)) returns to x_0 with an error of first order in the step length.
"""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.diffusion import Schedule, signal_noise, x_0_from_eps
from cdae_jax.errors import InputError

EpsFn = Callable[[jax.Array, jax.Array], jax.Array]


def time_grid(schedule: Schedule, num_steps: int, depth: float = 1.0) -> np.ndarray:
    """[num_steps] increasing int32 step indices, uniform, ending at depth * T - 1.

    Raises:
      InputError: depth outside (0, 1], or num_steps outside 1..depth * T.
    """
    if not 0 < depth <= 1:
        raise InputError(f"depth is {depth}: expected a fraction of the diffusion time in (0, 1]")
    last = max(1, math.floor(depth * schedule.num_steps + 0.5))
    if not 1 <= num_steps <= last:
        raise InputError(f"num_steps is {num_steps}: expected 1 to {last}, the number of diffusion steps available")
    return np.rint(np.arange(1, num_steps + 1) * last / num_steps).astype(np.int32) - 1


def ddim_update(x_t: jax.Array, eps: jax.Array, alpha_bar: jax.Array, alpha_bar_next: jax.Array) -> jax.Array:
    """One step of arXiv 2010.02502, eq. 13 with sigma = 0, towards more or less noise."""
    signal, noise = signal_noise(alpha_bar_next, x_t.ndim)
    return signal * x_0_from_eps(x_t, eps, alpha_bar) + noise * eps


def _integrate(eps_fn: EpsFn, x: jax.Array, t: np.ndarray, alpha_bar: jax.Array, alpha_bar_next: jax.Array):
    """Euler steps: at each, eps is evaluated at the state's own step index t."""

    def step(x, inputs):
        t, alpha_bar, alpha_bar_next = inputs
        eps = eps_fn(x, jnp.full(x.shape[:1], t))
        return ddim_update(x, eps, alpha_bar, alpha_bar_next), None

    return jax.lax.scan(step, x, (jnp.asarray(t, jnp.int32), alpha_bar, alpha_bar_next))[0]


def ddim_encode(eps_fn: EpsFn, schedule: Schedule, x_0: jax.Array, num_steps: int, depth: float = 1.0) -> jax.Array:
    """The noise x_T [B, ...] from which `ddim_decode` returns to x_0 [B, ...].

    num_steps network evaluations; depth in (0, 1] stops at that fraction of T.
    """
    t = time_grid(schedule, num_steps, depth)
    noisier = schedule.alpha_bar[t]
    cleaner = jnp.concatenate([jnp.ones((1,), jnp.float32), noisier[:-1]])
    # The clean image stands at alpha_bar = 1; the network knows no cleaner index than 0.
    return _integrate(eps_fn, x_0, np.append(np.int32(0), t[:-1]), cleaner, noisier)


def ddim_decode(eps_fn: EpsFn, schedule: Schedule, x_T: jax.Array, num_steps: int, depth: float = 1.0) -> jax.Array:
    """The image x_0 [B, ...] from x_T [B, ...], noise at fraction `depth` of T; num_steps network evaluations."""
    t = time_grid(schedule, num_steps, depth)
    noisier = schedule.alpha_bar[t]
    cleaner = jnp.concatenate([jnp.ones((1,), jnp.float32), noisier[:-1]])
    return _integrate(eps_fn, x_T, t[::-1], noisier[::-1], cleaner[::-1])


def guide(eps_cond: EpsFn, eps_null: EpsFn, strength: float) -> EpsFn:
    """Classifier-free guidance (Ho & Salimans, arXiv 2207.12598): eps_w = w eps(z) + (1 - w) eps(null).

    w = 0 ignores the condition, w = 1 follows it, w > 1 amplifies it. A Python w of 0 or 1 costs one
    evaluation, any other w two.
    """
    if strength == 1:
        return eps_cond
    if strength == 0:
        return eps_null
    return lambda x_t, t: strength * eps_cond(x_t, t) + (1 - strength) * eps_null(x_t, t)


def grade(eps_fns: Sequence[EpsFn], strengths: jax.Array) -> EpsFn:
    """Grades several changes of the condition, each by itself:

        eps = eps_0 + sum_k w_k (eps_k - eps_{k-1})

    eps_0 sees the factual latents, eps_k those under the first k changes. w = 0 leaves a change out, 1 makes it, above
    1 exaggerates it and nothing else; with all w = 1 the sum telescopes to the last eps_k. (Decoupled guidance, after
    arXiv 2506.14399, but about the factual condition instead of the null one.) strengths: [K] for K + 1 functions,
    each evaluated once.
    """

    def eps_fn(x_t, t):
        eps = [function(x_t, t) for function in eps_fns]
        changes = [strengths[k] * (eps[k + 1] - eps[k]) for k in range(len(eps) - 1)]
        return sum(changes, eps[0])

    return eps_fn
