"""The Gaussian diffusion process (Ho et al. 2020, arXiv 2006.11239).

x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps, with integer t in 0..T-1 and t = 0 the least noisy.
A network may predict eps or v = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x_0
(Salimans & Ho 2022, arXiv 2202.00512, eq. in section 4); the rest of the package sees eps alone.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.errors import InputError

SCHEDULES = ("linear", "cosine")
MIN_ALPHA_BAR = 1e-4  # keeps x_0 = (x_t - sqrt(1 - alpha_bar) eps) / sqrt(alpha_bar) within float32


class Schedule(NamedTuple):
    """alpha_bar: [T] float32, decreasing; the share of the signal's variance left after step t."""

    alpha_bar: jax.Array

    @property
    def num_steps(self) -> int:
        return self.alpha_bar.shape[0]


def make_schedule(name: str, num_steps: int) -> Schedule:
    """The noise schedule.

    "linear": beta from 1e-4 to 0.02 at T = 1000, scaled by 1000 / T otherwise (arXiv 2006.11239, section 4).
    "cosine": alpha_bar_t = f(t + 1) / f(0), f(t) = cos^2((t/T + 0.008) / 1.008 * pi/2) (arXiv 2102.09672, eq. 17).
    alpha_bar is kept at or above 1e-4. Raises InputError for an unknown name, or fewer than 2 steps (30 for the linear
    one, whose beta comes near 1).
    """
    if name not in SCHEDULES:
        raise InputError(f"unknown noise schedule {name!r}: expected one of {', '.join(SCHEDULES)}")
    least = 30 if name == "linear" else 2
    if num_steps < least:
        raise InputError(f"a {name} noise schedule of {num_steps} steps is too short: use at least {least}")
    if name == "linear":
        scale = 1000 / num_steps
        alpha_bar = np.cumprod(1 - np.linspace(1e-4 * scale, 0.02 * scale, num_steps))
    else:
        cosine = np.cos((np.arange(num_steps + 1) / num_steps + 0.008) / 1.008 * np.pi / 2) ** 2
        alpha_bar = cosine[1:] / cosine[0]
    return Schedule(jnp.asarray(np.maximum(alpha_bar, MIN_ALPHA_BAR), jnp.float32))


def signal_noise(alpha_bar: jax.Array, ndim: int) -> tuple[jax.Array, jax.Array]:
    """sqrt(alpha_bar) and sqrt(1 - alpha_bar) with ndim axes: [B, 1, ..., 1] of a vector [B], all 1 of a scalar."""
    alpha_bar = jnp.asarray(alpha_bar, jnp.float32)
    alpha_bar = alpha_bar.reshape(alpha_bar.shape + (1,) * (ndim - alpha_bar.ndim))
    return jnp.sqrt(alpha_bar), jnp.sqrt(1 - alpha_bar)


def q_sample(schedule: Schedule, x_0: jax.Array, eps: jax.Array, t: jax.Array) -> jax.Array:
    """x_t given x_0 and eps [B, ...] and step indices t [B] (arXiv 2006.11239, eq. 4)."""
    signal, noise = signal_noise(schedule.alpha_bar[t], x_0.ndim)
    return signal * x_0 + noise * eps


def prediction_target(prediction: str, x_0: jax.Array, eps: jax.Array, alpha_bar: jax.Array) -> jax.Array:
    """What a network that predicts "eps" or "v" should output, given true x_0 and eps [B, ...] and alpha_bar [B]."""
    signal, noise = signal_noise(alpha_bar, x_0.ndim)
    return {"eps": eps, "v": signal * eps - noise * x_0}[prediction]


def eps_from_output(prediction: str, output: jax.Array, x_t: jax.Array, alpha_bar: jax.Array) -> jax.Array:
    """The estimate of eps that a network output at x_t [B, ...] implies; the inverse of `prediction_target`."""
    signal, noise = signal_noise(alpha_bar, x_t.ndim)
    return output if prediction == "eps" else noise * x_t + signal * output


def x_0_from_eps(x_t: jax.Array, eps: jax.Array, alpha_bar: jax.Array) -> jax.Array:
    """The estimate of x_0 that eps implies, given x_t, both [B, ...], and alpha_bar, [B] or a scalar."""
    signal, noise = signal_noise(alpha_bar, x_t.ndim)
    return (x_t - noise * eps) / signal
