"""Splines: increasing, inverted exactly, their slope by autodiff, the identity outside and at zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.model.spline import EDGE, Spline, spline_of

RAW = 2 * jax.random.normal(jax.random.key(0), (6, 1, 23))  # eight bins
U = jnp.linspace(-1.5 * EDGE, 1.5 * EDGE, 121)[None].repeat(6, 0)


@pytest.fixture(scope="module")
def spline():
    return spline_of(RAW)


def test_it_increases_through_its_knots(spline):
    t, _ = spline.forward(U)
    assert (np.diff(t) > 0).all()
    inner = spline.x[:, 0, 1:-1]
    np.testing.assert_allclose(spline.forward(inner)[0], spline.y[:, 0, 1:-1], atol=1e-5)


def test_the_inverse_is_exact_and_has_the_same_slope(spline):
    t, log_slope = spline.forward(U)
    u, log_slope_back = spline.inverse(t)
    # Where it is flat, what t rounds to is many u: compared is what t loses.
    np.testing.assert_allclose(spline.forward(u)[0], t, atol=2e-6)
    assert (np.abs(u - U) * np.exp(log_slope) < 2e-5).all()
    np.testing.assert_allclose(log_slope_back, log_slope, atol=2e-2)


def test_the_log_slope_is_that_of_autodiff(spline):
    def of(row, u):
        return Spline(*(knots[row] for knots in spline)).forward(u[None])[0][0]

    slopes = jax.vmap(lambda row: jax.vmap(lambda u: jax.grad(of, 1)(row, u))(U[0]))(jnp.arange(6))
    np.testing.assert_allclose(np.log(slopes), spline.forward(U)[1], atol=2e-3)


def test_outside_it_is_the_identity(spline):
    far = jnp.full((6, 1), 50.0)
    for value in (far, -far, jnp.full((6, 1), EDGE)):
        for direction in (spline.forward, spline.inverse):
            out, log_slope = direction(value)
            np.testing.assert_array_equal(out, value)
            np.testing.assert_array_equal(log_slope, 0)


def test_zeros_give_the_identity():
    t, log_slope = spline_of(jnp.zeros((6, 1, 23))).forward(U)
    np.testing.assert_allclose(t, U, atol=1e-5)
    np.testing.assert_allclose(log_slope, 0, atol=1e-5)


def test_gradients_are_finite_everywhere(spline):
    def total(raw, u):
        made = spline_of(raw)
        return sum(jnp.sum(part) for direction in (made.forward, made.inverse) for part in direction(u))

    for part in jax.grad(total, (0, 1))(RAW, U):
        assert np.isfinite(part).all()
