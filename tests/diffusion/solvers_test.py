"""Every solver against the exact flow of Gaussian data, whose eps is known in closed form.

For x_0 ~ N(mu, s^2): eps(x_t) = sqrt(1 - a) (x_t - sqrt(a) mu) / (a s^2 + 1 - a), a = alpha_bar_t, and along the
flow (x_t - sqrt(a) mu) / sqrt(a s^2 + 1 - a) does not change.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.diffusion import grids
from cdae_jax.diffusion.bdia import Pair
from cdae_jax.diffusion.grids import SPACINGS, time_grid
from cdae_jax.diffusion.process import Schedule, eps_from_output, make_schedule, x_0_from_eps
from cdae_jax.diffusion.solvers import SOLVERS
from cdae_jax.errors import InputError

MU, S = 0.5, 0.3
SCHEDULE = make_schedule("cosine", 1000)
# Convergence is measured on a finer process, so that neither rounding steps to whole indices shows nor the first index,
# whose noise the image itself is taken to have.
FINE = Schedule(jnp.asarray(np.cos(np.linspace(0.0005, 0.45 * np.pi, 40_001)[1:]) ** 2, jnp.float32))
X_0 = jax.random.normal(jax.random.key(0), (16, 2, 2, 1)) * S + MU


def exact_eps(schedule):
    def eps_fn(x_t, t):
        a = schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
        return jnp.sqrt(1 - a) * (x_t - jnp.sqrt(a) * MU) / (a * S**2 + 1 - a)

    return eps_fn


def exact_x_T(x_0, a):
    a = float(a)
    return (np.asarray(x_0) - MU) / S * np.sqrt(a * S**2 + 1 - a) + np.sqrt(a) * MU


def rms(a, b):
    return float(np.sqrt(np.mean((np.asarray(a) - np.asarray(b)) ** 2)))


def steps(schedule, num_steps, depth=1.0, spacing="uniform"):
    return jnp.asarray(time_grid(schedule, num_steps, depth, spacing))


@pytest.mark.parametrize("direction", ["encode", "decode"])
@pytest.mark.parametrize(
    ("solver", "spacing", "order"), [("ddim", "uniform", 1), ("dpm_solver", "log_snr", 2), ("bdia", "uniform", 2)]
)
def test_converges_to_the_exact_flow_with_the_order_that_it_claims(solver, spacing, order, direction):
    encode, decode = SOLVERS[solver]
    x_T = jnp.asarray(exact_x_T(X_0, FINE.alpha_bar[-1]), jnp.float32)

    def error(num_steps):
        t = steps(FINE, num_steps, spacing=spacing)
        if direction == "decode":
            return rms(decode(exact_eps(FINE), FINE, x_T, t), X_0)
        noise = encode(exact_eps(FINE), FINE, X_0, t)
        return rms(noise.x_T if isinstance(noise, Pair) else noise, x_T)

    errors = [error(num_steps) for num_steps in (20, 40, 80)]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert (np.abs(orders - order) < 0.25).all(), (errors, orders)
    assert errors[-1] < 0.03


@pytest.mark.parametrize("num_steps", [2, 10])
def test_bdia_is_undone_exactly_where_the_others_are_not(num_steps):
    t = steps(SCHEDULE, num_steps)

    def round_trip(solver):
        encode, decode = SOLVERS[solver]
        return rms(decode(exact_eps(SCHEDULE), SCHEDULE, encode(exact_eps(SCHEDULE), SCHEDULE, X_0, t), t), X_0)

    assert round_trip("bdia") < 1e-4
    assert round_trip("ddim") > 1e-2
    assert round_trip("dpm_solver") > 1e-3


@pytest.mark.parametrize("solver", SOLVERS)
def test_encode_and_decode_invert_each_other_better_with_more_steps(solver):
    encode, decode = SOLVERS[solver]

    def round_trip(num_steps):
        t = steps(SCHEDULE, num_steps)
        return rms(decode(exact_eps(SCHEDULE), SCHEDULE, encode(exact_eps(SCHEDULE), SCHEDULE, X_0, t), t), X_0)

    assert round_trip(200) < max(0.5 * round_trip(50), 1e-4)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_works_on_every_grid_to_a_part_of_the_way(solver, spacing):
    encode, decode = SOLVERS[solver]
    t = steps(SCHEDULE, 100, 0.4, spacing)
    x_mid = encode(exact_eps(SCHEDULE), SCHEDULE, X_0, t)
    reached = x_mid.x_T if isinstance(x_mid, Pair) else x_mid
    assert rms(reached, exact_x_T(X_0, SCHEDULE.alpha_bar[399])) < 0.03
    assert rms(decode(exact_eps(SCHEDULE), SCHEDULE, x_mid, t), X_0) < 0.03


@pytest.mark.parametrize("solver", SOLVERS)
def test_costs_one_evaluation_a_step(solver):
    calls = []

    def counted(x_t, t):
        jax.debug.callback(lambda: calls.append(1))
        return exact_eps(SCHEDULE)(x_t, t)

    encode, decode = SOLVERS[solver]
    t = steps(SCHEDULE, 7)
    noise = encode(counted, SCHEDULE, X_0, t)
    jax.effects_barrier()
    assert len(calls) == 7
    decode(counted, SCHEDULE, noise.x_T if isinstance(noise, Pair) else noise, t).block_until_ready()
    jax.effects_barrier()
    assert len(calls) == 14


def test_the_uniform_grid_is_uniform_and_complete():
    np.testing.assert_array_equal(time_grid(SCHEDULE, 4), [249, 499, 749, 999])
    np.testing.assert_array_equal(time_grid(SCHEDULE, 2, 0.5), [249, 499])
    np.testing.assert_array_equal(time_grid(SCHEDULE, 1000), np.arange(1000))


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("name", ["cosine", "linear"])
@pytest.mark.parametrize(("num_steps", "depth"), [(1, 1.0), (10, 1.0), (10, 0.5), (400, 0.4), (999, 1.0)])
def test_grids_increase_and_end_at_the_depth(spacing, name, num_steps, depth):
    t = time_grid(make_schedule(name, 1000), num_steps, depth, spacing)
    assert t.dtype == np.int32 and len(t) == num_steps
    assert (np.diff(t) > 0).all() and t[0] >= 0
    assert t[-1] == round(depth * 1000) - 1


def test_spacings_are_what_they_are_named_after():
    schedule = make_schedule("linear", 1000)
    alpha_bar = np.asarray(schedule.alpha_bar, np.float64)
    sigma = np.sqrt(1 / alpha_bar - 1)
    for spacing, measure in (("log_snr", np.log(sigma)), ("karras", sigma ** (1 / 7))):
        gaps = np.diff(measure[time_grid(schedule, 12, 1.0, spacing)])[3:]  # the first ones are under a step apart
        np.testing.assert_allclose(gaps, gaps.mean(), rtol=0.1)
    quadratic = np.sqrt(time_grid(schedule, 12, 1.0, "quadratic") + 1)
    np.testing.assert_allclose(np.diff(quadratic), quadratic[-1] / 12, rtol=0.05)


def test_what_suits_a_schedule_and_a_prediction_target():
    for solver, schedule, prediction in (("dpm_solver", "cosine", "v"), ("ddim", "cosine", "x_0")):
        assert grids.resolve("auto", solver, schedule, prediction) == "log_snr"
        assert grids.resolve("auto", solver, "linear", prediction) == "uniform"
    assert grids.resolve("auto", "ddim", "cosine", "v") == grids.resolve("auto", "bdia", "cosine", "eps") == "uniform"
    assert grids.resolve("karras", "ddim", "linear", "v") == "karras"


@pytest.mark.parametrize(("prediction", "growth"), [("eps", 100), ("v", 1), ("x_0", 1)])
def test_at_the_terminal_signal_to_noise_ratio_only_eps_multiplies_errors_and_stops_before(prediction, growth):
    def grown(alpha_bar):
        eps = eps_from_output(prediction, jnp.full((1, 2), 0.01), jnp.zeros((1, 2)), alpha_bar)
        return float(jnp.abs(x_0_from_eps(jnp.zeros((1, 2)), eps, alpha_bar)).max() / 0.01)

    assert grown(SCHEDULE.alpha_bar[-1]) == pytest.approx(growth, rel=0.02)
    assert grown(SCHEDULE.alpha_bar[round(grids.default_depth("diffusion", prediction) * 1000) - 1]) < 25
    assert (grids.default_depth("diffusion", prediction) == 1) == (growth == 1)


@pytest.mark.parametrize(
    ("num_steps", "depth", "spacing"),
    [(0, 1.0, "uniform"), (1001, 1.0, "uniform"), (501, 0.5, "uniform"), (10, 0.0, "uniform"), (10, 1.0, "cubic")],
)
def test_bad_grids_are_refused(num_steps, depth, spacing):
    with pytest.raises(InputError):
        time_grid(SCHEDULE, num_steps, depth, spacing)
