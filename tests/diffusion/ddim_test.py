"""DDIM against its equation in NumPy, and on data that it must get exactly right."""

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.diffusion.ddim import ddim, ddim_update, nodes
from cdae_jax.diffusion.process import make_schedule

SCHEDULE = make_schedule("cosine", 1000)
T = jnp.array([100, 400, 600, 950], jnp.int32)
X = np.random.default_rng(0).normal(size=(3, 2, 2, 1)).astype(np.float32)


def eps_fn(x_t, t):
    """Nonlinear, and different at every step."""
    return jnp.tanh(x_t) + 0.001 * t.astype(jnp.float32).reshape(-1, 1, 1, 1)


def by_the_equation(x, alpha_bar, t):
    """Equation 13 with sigma = 0 through the nodes of alpha_bar, in float64."""
    for now, then, step in zip(alpha_bar[:-1], alpha_bar[1:], t, strict=True):
        eps = np.tanh(x) + 0.001 * step
        x_0 = (x - np.sqrt(1 - now) * eps) / np.sqrt(now)
        x = np.sqrt(then) * x_0 + np.sqrt(1 - then) * eps
    return x


def test_the_image_is_a_node_without_noise_that_the_network_sees_as_its_first_step():
    index, alpha_bar = nodes(SCHEDULE, T)
    assert index.dtype == jnp.int32
    np.testing.assert_array_equal(index, [0, 100, 400, 600])
    np.testing.assert_array_equal(alpha_bar, [1.0, *(SCHEDULE.alpha_bar[t] for t in T)])


def test_one_update_by_hand():
    x_t, eps, half, most = jnp.array([[0.6 * 2.0 + 0.8]]), jnp.ones((1, 1)), jnp.float32(0.36), jnp.float32(0.64)
    np.testing.assert_allclose(ddim_update(x_t, eps, half, most), [[0.8 * 2.0 + 0.6]], rtol=1e-6)
    np.testing.assert_allclose(ddim_update(x_t, eps, half, jnp.float32(1.0)), [[2.0]], rtol=1e-6)


def test_both_directions_follow_the_equation():
    alpha_bar = np.asarray(SCHEDULE.alpha_bar, float)
    through = [1.0, *(alpha_bar[t] for t in T)]
    up = by_the_equation(X.astype(float), through, [0, 100, 400, 600])
    np.testing.assert_allclose(ddim(eps_fn, SCHEDULE, X, T, to_noise=True), up, rtol=1e-4, atol=1e-4)
    down = by_the_equation(X.astype(float), through[::-1], [950, 600, 400, 100])
    np.testing.assert_allclose(ddim(eps_fn, SCHEDULE, X, T, to_noise=False), down, rtol=1e-4, atol=1e-4)


def test_where_all_images_are_the_same_any_number_of_steps_leads_to_it():
    def exact(x_t, t):
        a = SCHEDULE.alpha_bar[t].reshape(-1, 1, 1, 1)
        return (x_t - jnp.sqrt(a) * 0.4) / jnp.sqrt(1 - a)

    decode = jax.jit(lambda x_T, t: ddim(exact, SCHEDULE, x_T, t, to_noise=False))
    for num in (1, 3):
        np.testing.assert_allclose(decode(X, T[-num:]), np.full_like(X, 0.4), atol=1e-4)
