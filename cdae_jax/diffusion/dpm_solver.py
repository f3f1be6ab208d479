"""DPM-Solver++(2M) in both directions (Lu et al. 2022, arXiv 2211.01095, algorithm 2).

One network evaluation per step, as for DDIM, but an error of second order: the estimate of x_0 is extrapolated in
lambda = log(sqrt(alpha_bar) / sqrt(1 - alpha_bar)) from the last two estimates,

    D_i = x_0_hat_i + h / (2 h_before) (x_0_hat_i - x_0_hat_before),   h = lambda_next - lambda_i
    x_next = (sigma_next / sigma_i) x_i + (signal_next - sigma_next signal_i / sigma_i) D_i

with signal = sqrt(alpha_bar), sigma = sqrt(1 - alpha_bar). When encoding, lambda falls and h is negative; nothing else
changes. The first step, and the step from or to the image, where lambda is infinite, are DDIM steps.
"""

import jax
import jax.numpy as jnp

from cdae_jax.diffusion.ddim import EpsFn, both_ways, ddim_update
from cdae_jax.diffusion.process import signal_noise, x_0_from_eps


def _multistep(eps_fn: EpsFn, x: jax.Array, t: jax.Array, alpha_bar: jax.Array) -> jax.Array:
    half_log_snr = 0.5 * jnp.log(alpha_bar / (1 - alpha_bar))  # infinite at the image
    h = half_log_snr[1:] - half_log_snr[:-1]
    before = jnp.concatenate([jnp.zeros((1,), jnp.float32), h[:-1]])
    usable = jnp.isfinite(h) & jnp.isfinite(before) & (before != 0)
    weight = jnp.where(usable, 0.5 * h / jnp.where(usable, before, 1), 0)

    def step(carry, inputs):
        x, x_0_before = carry
        t, alpha_bar, alpha_bar_next, weight = inputs
        eps = eps_fn(x, jnp.full(x.shape[:1], t))
        x_0 = x_0_from_eps(x, eps, alpha_bar)
        signal, sigma = signal_noise(alpha_bar_next, x.ndim)
        extrapolated = x_0 + weight * (x_0 - x_0_before)
        # The step above as a DDIM step plus what the extrapolation adds, which is also valid at the image.
        signal_now, sigma_now = signal_noise(alpha_bar, x.ndim)
        gain = jnp.where(sigma_now > 0, signal - sigma * signal_now / jnp.where(sigma_now > 0, sigma_now, 1), 0)
        x_next = ddim_update(x, eps, alpha_bar, alpha_bar_next) + gain * (extrapolated - x_0)
        return (x_next, x_0), None

    steps = (t, alpha_bar[:-1], alpha_bar[1:], weight)
    return jax.lax.scan(step, (x, jnp.zeros_like(x)), steps)[0][0]


dpm_solver = both_ways(_multistep)
