"""Every solver against the exact flow of Gaussian data, whose eps is known in closed form.

For x_0 ~ N(mu, s^2): eps(x_t) = sqrt(1 - a) (x_t - sqrt(a) mu) / (a s^2 + 1 - a), a = alpha_bar_t, and along the
flow (x_t - sqrt(a) mu) / sqrt(a s^2 + 1 - a) does not change.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.diffusion.grids import SPACINGS, time_grid
from cdae_jax.diffusion.process import Schedule, make_schedule
from cdae_jax.diffusion.solvers import SOLVERS

MU, S = 0.5, 0.3
SCHEDULE = make_schedule("cosine", 1000)
# Convergence is measured on a finer process, so that neither rounding steps to whole indices shows nor the first index,
# whose noise the image itself is taken to have.
FINE = Schedule(jnp.asarray(np.cos(np.linspace(0.0005, 0.45 * np.pi, 40_001)[1:]) ** 2, jnp.float32))
X_0 = (np.random.default_rng(0).normal(size=(16, 2, 2, 1)) * S + MU).astype(np.float32)


def exact_eps(schedule, x_t, t):
    a = schedule.alpha_bar[t].reshape(-1, 1, 1, 1)
    return jnp.sqrt(1 - a) * (x_t - jnp.sqrt(a) * MU) / (a * S**2 + 1 - a)


def exact_x_T(x_0, a):
    a = float(a)
    return ((x_0 - MU) / S * np.sqrt(a * S**2 + 1 - a) + np.sqrt(a) * MU).astype(np.float32)


@functools.partial(jax.jit, static_argnums=0)  # one program for both directions
def solve(solver, to_noise, schedule, x, t):
    return SOLVERS[solver](functools.partial(exact_eps, schedule), schedule, x, t, to_noise)


def round_trip(solver, t):
    return rms(solve(solver, False, SCHEDULE, solve(solver, True, SCHEDULE, X_0, t), t), X_0)


def rms(a, b):
    return float(np.sqrt(np.mean((np.asarray(a) - np.asarray(b)) ** 2)))


@pytest.mark.parametrize("to_noise", [True, False])
@pytest.mark.parametrize(("solver", "spacing", "order"), [("ddim", "uniform", 1), ("dpm_solver", "log_snr", 2)])
def test_converges_to_the_exact_flow_with_the_order_that_it_claims(solver, spacing, order, to_noise):
    x_T = exact_x_T(X_0, FINE.alpha_bar[-1])
    start, end = (X_0, x_T) if to_noise else (x_T, X_0)
    grids = [time_grid(FINE, num_steps, spacing=spacing) for num_steps in (20, 40, 80)]
    errors = [rms(solve(solver, to_noise, FINE, start, t), end) for t in grids]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert (np.abs(orders - order) < 0.25).all(), (errors, orders)
    assert errors[-1] < 0.03


@pytest.mark.parametrize("solver", SOLVERS)
def test_encode_and_decode_invert_each_other_better_with_more_steps(solver):
    few, many = (round_trip(solver, time_grid(SCHEDULE, num_steps)) for num_steps in (50, 200))
    assert 1e-4 < many < 0.5 * few


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_works_on_every_grid_to_a_part_of_the_way(solver, spacing):
    t = time_grid(SCHEDULE, 100, 0.4, spacing)
    x_mid = solve(solver, True, SCHEDULE, X_0, t)
    assert rms(x_mid, exact_x_T(X_0, SCHEDULE.alpha_bar[399])) < 0.03
    assert rms(solve(solver, False, SCHEDULE, x_mid, t), X_0) < 0.03


@pytest.mark.parametrize("solver", SOLVERS)
def test_costs_one_evaluation_a_step(solver):
    calls = []

    def counted(x_t, t):
        jax.debug.callback(lambda: calls.append(1))
        return exact_eps(SCHEDULE, x_t, t)

    for to_noise in (True, False):
        calls.clear()
        given = counted, SCHEDULE, jnp.asarray(X_0), jnp.asarray(time_grid(SCHEDULE, 7))
        SOLVERS[solver](*given, to_noise).block_until_ready()
        jax.effects_barrier()
        assert len(calls) == 7
