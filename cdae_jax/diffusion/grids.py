"""Which diffusion steps a sampler visits: increasing integer indices t, ending at a fraction of T. NumPy only."""

import math

import numpy as np

from cdae_jax.diffusion.process import Schedule
from cdae_jax.errors import InputError

SPACINGS = ("uniform", "log_snr")


def spacing_of(solver: str, schedule: str) -> str:
    """One of SPACINGS for a solver and a noise schedule, each by name.

    "log_snr" for the DPM solver, in whose derivation log-SNR is the time, under the cosine schedule; else "uniform"
    (measured: docs/tried.md, "Schedules and solvers").
    """
    return "log_snr" if schedule == "cosine" and solver == "dpm_solver" else "uniform"


def default_depth(prediction: str) -> float:
    """The default fraction of the diffusion time to which images are inverted: 1.0 for prediction "v", and 0.97 for
    "eps".

    At the end alpha_bar is 1e-4 (`process.MIN_ALPHA_BAR`), and x_0 = (x_t - sqrt(1 - alpha_bar) eps) / sqrt(alpha_bar)
    multiplies the error of a predicted eps by 100. "v" gives x_0 without dividing.
    """
    return 0.97 if prediction == "eps" else 1.0


def steps_to(depth: float, total: int) -> int:
    """How many of the diffusion steps lie within a fraction of the diffusion time; at least 1."""
    return max(1, math.floor(depth * total + 0.5))


def time_grid(schedule: Schedule, num_steps: int, depth: float = 1.0, spacing: str = "uniform") -> np.ndarray:
    """[num_steps] increasing int32 step indices that end at depth * T - 1, evenly spaced in t ("uniform") or in
    log(alpha_bar / (1 - alpha_bar)) ("log_snr", arXiv 2206.00927, section 3.3).

    Raises InputError for an unknown spacing, a depth outside (0, 1], or num_steps outside 1..depth * T.
    """
    if spacing not in SPACINGS:
        raise InputError(f"spacing is {spacing!r}: expected one of {', '.join(SPACINGS)}")
    if not 0 < depth <= 1:
        raise InputError(f"depth is {depth}: expected a fraction of the diffusion time in (0, 1]")
    last = steps_to(depth, schedule.num_steps)
    if not 1 <= num_steps <= last:
        raise InputError(f"num_steps is {num_steps}: expected 1 to {last}, the number of diffusion steps available")
    if spacing == "uniform":
        t = np.arange(1, num_steps + 1) / num_steps * last - 1
    else:
        alpha_bar = np.asarray(schedule.alpha_bar, np.float64)[:last]
        log_sigma = 0.5 * np.log(1 / alpha_bar - 1)
        share = np.linspace(0, 1, num_steps) if num_steps > 1 else np.ones(1)
        t = np.interp(log_sigma[0] + share * (log_sigma[-1] - log_sigma[0]), log_sigma, np.arange(last))
    t[-1] = last - 1
    # Whole numbers, each its own: at least i from below, and leaving room for those that follow.
    t = np.maximum.accumulate(np.rint(t).astype(np.int32) - np.arange(num_steps)) + np.arange(num_steps)
    return np.clip(t, np.arange(num_steps), last - num_steps + np.arange(num_steps)).astype(np.int32)
