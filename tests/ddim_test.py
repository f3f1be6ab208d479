"""DDIM against the exact flow of Gaussian data, whose eps is known in closed form.

For x_0 ~ N(mu, s^2): eps(x_t) = sqrt(1 - a) (x_t - sqrt(a) mu) / (a s^2 + 1 - a), a = alpha_bar_t, and along the
flow (x_t - sqrt(a) mu) / sqrt(a s^2 + 1 - a) does not change.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax import ddim
from cdae_jax.diffusion import make_schedule
from cdae_jax.errors import InputError

MU, S = 0.5, 0.3
SCHEDULE = make_schedule("cosine", 1000)
X_0 = jax.random.normal(jax.random.key(0), (16, 2, 2, 1)) * S + MU


def exact_eps(x_t, t):
    a = SCHEDULE.alpha_bar[t].reshape(-1, 1, 1, 1)
    return jnp.sqrt(1 - a) * (x_t - jnp.sqrt(a) * MU) / (a * S**2 + 1 - a)


def exact_x_T(x_0, depth=1.0):
    a = float(SCHEDULE.alpha_bar[round(depth * 1000) - 1])
    return (np.asarray(x_0) - MU) / S * np.sqrt(a * S**2 + 1 - a) + np.sqrt(a) * MU


def rms(a, b):
    return float(np.sqrt(np.mean((np.asarray(a) - np.asarray(b)) ** 2)))


@pytest.mark.parametrize("direction", ["encode", "decode"])
def test_converges_to_the_exact_flow_with_first_order(direction):
    def error(num_steps):
        if direction == "encode":
            return rms(ddim.ddim_encode(exact_eps, SCHEDULE, X_0, num_steps), exact_x_T(X_0))
        return rms(ddim.ddim_decode(exact_eps, SCHEDULE, jnp.asarray(exact_x_T(X_0)), num_steps), X_0)

    errors = [error(num_steps) for num_steps in (50, 100, 200)]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert errors[-1] < 0.02
    assert (orders > 0.7).all() and (orders < 1.4).all(), orders


def test_encode_and_decode_invert_each_other_better_with_more_steps():
    def round_trip(num_steps):
        x_T = ddim.ddim_encode(exact_eps, SCHEDULE, X_0, num_steps)
        return rms(ddim.ddim_decode(exact_eps, SCHEDULE, x_T, num_steps), X_0)

    assert round_trip(200) < 0.5 * round_trip(50) < 0.05


def test_depth_stops_part_of_the_way():
    x_mid = ddim.ddim_encode(exact_eps, SCHEDULE, X_0, 200, depth=0.4)
    assert rms(x_mid, exact_x_T(X_0, 0.4)) < 0.01
    assert rms(ddim.ddim_decode(exact_eps, SCHEDULE, x_mid, 200, depth=0.4), X_0) < 0.01


def test_time_grid_is_uniform_and_complete():
    np.testing.assert_array_equal(ddim.time_grid(SCHEDULE, 4), [249, 499, 749, 999])
    np.testing.assert_array_equal(ddim.time_grid(SCHEDULE, 2, 0.5), [249, 499])
    np.testing.assert_array_equal(ddim.time_grid(SCHEDULE, 1000), np.arange(1000))


@pytest.mark.parametrize(("num_steps", "depth"), [(0, 1.0), (1001, 1.0), (501, 0.5), (10, 0.0), (10, 1.1)])
def test_bad_grids_are_refused(num_steps, depth):
    with pytest.raises(InputError):
        ddim.time_grid(SCHEDULE, num_steps, depth)


def test_guidance_mixes_two_denoisers():
    cond, null = (lambda x, t: 2 * x), (lambda x, t: 3 * x)
    x, t = jnp.ones((1, 1)), jnp.zeros((1,), jnp.int32)
    assert ddim.guide(cond, null, 1.0) is cond
    assert ddim.guide(cond, null, 0.0) is null
    np.testing.assert_allclose(ddim.guide(cond, null, 1.5)(x, t), 1.5 * 2 - 0.5 * 3)


def test_graded_changes_follow_the_formula_and_telescope():
    constants = jnp.array([[0.0, 1.0], [2.0, 5.0], [3.0, -1.0]])
    eps_fns = [lambda x_t, t, c=c: x_t + c[None] for c in constants]
    x, t = jnp.ones((4, 2)), jnp.zeros((4,), jnp.int32)

    def eps(*strengths):
        return np.asarray(ddim.grade(eps_fns, jnp.array(strengths))(x, t))[0]

    np.testing.assert_allclose(eps(0.0, 0.0), x[0] + constants[0])
    np.testing.assert_allclose(eps(1.0, 1.0), x[0] + constants[2], atol=1e-6)
    np.testing.assert_allclose(eps(1.0, 0.0), x[0] + constants[1], atol=1e-6)
    expected = 1 + np.array([0, 1]) + 1.5 * np.array([2, 4]) + 0.5 * np.array([1, -6])
    np.testing.assert_allclose(eps(1.5, 0.5), expected, atol=1e-6)
