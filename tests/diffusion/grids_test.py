"""The steps that a sampler visits: how they are spaced, where they end, and what is refused."""

import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.diffusion.grids import SPACINGS, default_depth, spacing_of, steps_to, time_grid
from cdae_jax.diffusion.process import eps_from_output, make_schedule, x_0_from_eps
from cdae_jax.errors import InputError

SCHEDULES = {name: make_schedule(name, 1000) for name in ("cosine", "linear")}
SCHEDULE = SCHEDULES["cosine"]


def test_the_uniform_grid_is_uniform_and_complete():
    np.testing.assert_array_equal(time_grid(SCHEDULE, 4), [249, 499, 749, 999])
    np.testing.assert_array_equal(time_grid(SCHEDULE, 2, 0.5), [249, 499])
    np.testing.assert_array_equal(time_grid(SCHEDULE, 1000), np.arange(1000))


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(("num_steps", "depth"), [(1, 1.0), (10, 1.0), (10, 0.5), (400, 0.4), (999, 1.0)])
def test_grids_increase_and_end_at_the_depth(spacing, name, num_steps, depth):
    t = time_grid(SCHEDULES[name], num_steps, depth, spacing)
    assert t.dtype == np.int32 and len(t) == num_steps
    assert (np.diff(t) > 0).all() and t[0] >= 0
    assert t[-1] == round(depth * 1000) - 1


def test_the_grid_in_log_snr_is_uniform_in_log_snr():
    alpha_bar = np.asarray(SCHEDULES["linear"].alpha_bar, np.float64)
    log_snr = np.log(alpha_bar / (1 - alpha_bar))
    gaps = np.diff(log_snr[time_grid(SCHEDULES["linear"], 12, 1.0, "log_snr")])[3:]  # the first are under a step apart
    np.testing.assert_allclose(gaps, gaps.mean(), rtol=0.1)


def test_log_snr_suits_the_dpm_solver_under_the_cosine_schedule_alone():
    found = [spacing_of(solver, schedule) for solver in ("dpm_solver", "ddim") for schedule in ("cosine", "linear")]
    assert found == ["log_snr", "uniform", "uniform", "uniform"]


def test_the_steps_to_a_depth_are_its_nearest_number_and_at_least_one():
    assert [steps_to(depth, 1000) for depth in (1.0, 0.5, 0.0206, 0.0204, 1e-9)] == [1000, 500, 21, 20, 1]
    assert steps_to(0.5, 5) == 3  # a half counts as a whole one


@pytest.mark.parametrize(("prediction", "growth"), [("eps", 100), ("v", 1)])
def test_at_the_terminal_signal_to_noise_ratio_only_eps_multiplies_errors_and_stops_before(prediction, growth):
    def grown(alpha_bar):
        eps = eps_from_output(prediction, jnp.full((1, 2), 0.01), jnp.zeros((1, 2)), alpha_bar)
        return float(jnp.abs(x_0_from_eps(jnp.zeros((1, 2)), eps, alpha_bar)).max() / 0.01)

    assert grown(SCHEDULE.alpha_bar[-1]) == pytest.approx(growth, rel=0.02)
    assert grown(SCHEDULE.alpha_bar[round(default_depth(prediction) * 1000) - 1]) < 25
    assert (default_depth(prediction) == 1) == (growth == 1)


@pytest.mark.parametrize(
    ("num_steps", "depth", "spacing", "message"),
    [
        (0, 1.0, "uniform", "num_steps is 0: expected 1 to 1000"),
        (1001, 1.0, "uniform", "num_steps is 1001: expected 1 to 1000"),
        (501, 0.5, "log_snr", "num_steps is 501: expected 1 to 500"),
        (10, 0.0, "uniform", "depth is 0.0: expected a fraction"),
        (10, 1.1, "uniform", "depth is 1.1: expected a fraction"),
        (10, 1.0, "karras", "spacing is 'karras': expected one of uniform, log_snr"),
    ],
)
def test_bad_grids_are_refused(num_steps, depth, spacing, message):
    with pytest.raises(InputError, match=message):
        time_grid(SCHEDULE, num_steps, depth, spacing)
