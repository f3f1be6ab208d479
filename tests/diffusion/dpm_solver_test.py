"""DPM-Solver++(2M) against its algorithm in NumPy, and where it is DDIM."""

import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.diffusion.ddim import ddim
from cdae_jax.diffusion.dpm_solver import dpm_solver
from cdae_jax.diffusion.process import make_schedule

SCHEDULE = make_schedule("cosine", 1000)
T = jnp.array([100, 300, 550, 800, 950], jnp.int32)
X = np.random.default_rng(0).normal(size=(3, 2, 2, 1)).astype(np.float32)
BOTH_WAYS = pytest.mark.parametrize("to_noise", [True, False])


def eps_fn(x_t, t):
    """Nonlinear, and different at every step."""
    return jnp.tanh(x_t) + 0.001 * t.astype(jnp.float32).reshape(-1, 1, 1, 1)


def by_the_algorithm(x, alpha_bar, t):
    """Through the nodes of alpha_bar in float64; D_i is x_0 itself in the first step and where lambda is infinite."""
    signal, sigma = np.sqrt(alpha_bar), np.sqrt(1 - np.asarray(alpha_bar))
    h_before = x_0_before = None
    for i, step in enumerate(t):
        x_0 = (x - sigma[i] * (np.tanh(x) + 0.001 * step)) / signal[i]
        if sigma[i] == 0:  # from the image, by Euler's step
            x, h = signal[i + 1] * x_0 + sigma[i + 1] * (np.tanh(x) + 0.001 * step), None
        elif sigma[i + 1] == 0:
            x, h = x_0, None
        else:
            h = np.log(signal[i + 1] / sigma[i + 1]) - np.log(signal[i] / sigma[i])
            d = x_0 if h_before is None else x_0 + h / (2 * h_before) * (x_0 - x_0_before)
            x = sigma[i + 1] / sigma[i] * x - signal[i + 1] * np.expm1(-h) * d
        h_before, x_0_before = h, x_0
    return x


@BOTH_WAYS
def test_both_directions_follow_the_algorithm(to_noise):
    alpha_bar = [1.0, *(float(SCHEDULE.alpha_bar[t]) for t in T)]
    seen = [0, *T.tolist()[:-1]] if to_noise else T.tolist()[::-1]
    through = alpha_bar if to_noise else alpha_bar[::-1]
    ours, euler = (solve(eps_fn, SCHEDULE, X, T, to_noise) for solve in (dpm_solver, ddim))
    np.testing.assert_allclose(ours, by_the_algorithm(X.astype(float), through, seen), rtol=1e-4, atol=1e-4)
    assert np.abs(ours - euler).max() > 0.01


@BOTH_WAYS
@pytest.mark.parametrize("num_steps", [1, 2])
def test_the_first_step_and_those_from_and_to_the_image_are_those_of_ddim(to_noise, num_steps):
    ours, euler = (solve(eps_fn, SCHEDULE, X, T[-num_steps:], to_noise) for solve in (dpm_solver, ddim))
    np.testing.assert_allclose(ours, euler, rtol=1e-6, atol=1e-6)
