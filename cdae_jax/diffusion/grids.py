"""Which diffusion steps a sampler visits: increasing integer indices t, ending at a fraction of T. NumPy only."""

import math

import numpy as np

from cdae_jax.diffusion.process import Schedule
from cdae_jax.errors import InputError

SPACINGS = ("uniform", "quadratic", "log_snr", "karras")
CHOICES = ("auto", *SPACINGS)
KARRAS_RHO = 7.0


def resolve(spacing: str, solver: str, schedule: str, prediction: str) -> str:
    """One of SPACINGS for one of CHOICES; the solver, the noise schedule and the prediction target by name.

    "auto" is, under the cosine schedule, "log_snr" for the DPM solver, in whose derivation log-SNR is the time, and for
    predictions of x_0, whose errors grow in eps near the image, where those steps are short; and else "uniform"
    (measured: results/README.md, "Schedules and prediction targets").
    """
    if spacing != "auto":
        return spacing
    is_log = schedule == "cosine" and (solver == "dpm_solver" or prediction == "x_0")
    return "log_snr" if is_log else "uniform"


def default_depth(decoder: str, prediction: str) -> float:
    """The fraction of the diffusion time to which images are inverted unless told otherwise; names as in the config.

    "refiner": 0.02. The remainder of a draft is carried over as it is, but for the finest grain, which suits images of
    which z says nearly all (measured: results/README.md, "Pendulum with shadows that were set").
    Else at the end alpha_bar is 1e-4 (`diffusion.MIN_ALPHA_BAR`): x_0 = (x_t - sqrt(1 - alpha_bar) eps) /
    sqrt(alpha_bar) multiplies the error of a predicted eps by 100, so that it stops short. "v" and "x_0" give x_0
    without dividing.
    """
    if decoder == "refiner":
        return 0.02
    return 0.97 if prediction == "eps" else 1.0


def _indices(alpha_bar: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """The steps whose sigma = sqrt(1 / alpha_bar - 1) is nearest to each of `sigmas`, in log sigma."""
    return np.interp(np.log(sigmas), np.log(np.sqrt(1 / alpha_bar - 1)), np.arange(len(alpha_bar)))


def time_grid(schedule: Schedule, num_steps: int, depth: float = 1.0, spacing: str = "uniform") -> np.ndarray:
    """[num_steps] increasing int32 step indices, ending at depth * T - 1.

    Args:
      depth: fraction of the diffusion time in (0, 1].
      spacing: "uniform" in t; "quadratic" in t (arXiv 2010.02502, appendix D.3), denser near the image; "log_snr",
        uniform in log(alpha_bar / (1 - alpha_bar)) (arXiv 2206.00927, section 3.3); "karras", uniform in
        sigma^(1/7) for sigma^2 = 1 / alpha_bar - 1 (arXiv 2206.00364, eq. 5).

    Raises:
      InputError: unknown spacing, depth outside (0, 1], or num_steps outside 1..depth * T.
    """
    if spacing not in SPACINGS:
        raise InputError(f"spacing is {spacing!r}: expected one of {', '.join(SPACINGS)}")
    if not 0 < depth <= 1:
        raise InputError(f"depth is {depth}: expected a fraction of the diffusion time in (0, 1]")
    last = max(1, math.floor(depth * schedule.num_steps + 0.5))
    if not 1 <= num_steps <= last:
        raise InputError(f"num_steps is {num_steps}: expected 1 to {last}, the number of diffusion steps available")
    share = np.arange(1, num_steps + 1) / num_steps
    if spacing == "uniform":
        t = share * last - 1
    elif spacing == "quadratic":
        t = share**2 * last - 1
    else:
        alpha_bar = np.asarray(schedule.alpha_bar, np.float64)[:last]
        low, high = (float(np.sqrt(1 / a - 1)) for a in (alpha_bar[0], alpha_bar[-1]))
        ends = np.linspace(0, 1, num_steps) if num_steps > 1 else np.ones(1)
        if spacing == "log_snr":
            t = _indices(alpha_bar, np.exp(np.log(low) + ends * np.log(high / low)))
        else:
            low, high = low ** (1 / KARRAS_RHO), high ** (1 / KARRAS_RHO)
            t = _indices(alpha_bar, (low + ends * (high - low)) ** KARRAS_RHO)
    t[-1] = last - 1
    # Whole numbers, each its own: at least i from below, and leaving room for those that follow.
    t = np.maximum.accumulate(np.rint(t).astype(np.int32) - np.arange(num_steps)) + np.arange(num_steps)
    return np.clip(t, np.arange(num_steps), last - num_steps + np.arange(num_steps)).astype(np.int32)
