"""The linear readout against least squares, and its direction as an intervention."""

import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.counterfactual.readout import RIDGE, Readout, fit_readout, move, read

SLOPES = np.array([[1.0, 0.0, -2.0, 0.5], [0.0, 3.0, 0.2, 0.0]])


@pytest.fixture(scope="module")
def data():
    """Latents of other means and sizes, and labels that are linear in them, some of the second unknown."""
    rng = np.random.default_rng(0)
    z = rng.normal(1.0, [[[0.1, 2.0]], [[1.0, 5.0]]], (2, 500, 2)).transpose(1, 0, 2).astype(np.float32)
    y = (z.reshape(500, 4) @ SLOPES.T + [0.3, -1]).astype(np.float32)
    y[::4, 1] = np.nan
    return z, y


@pytest.fixture(scope="module")
def readout(data):
    return Readout(*(jnp.asarray(array) for array in fit_readout(*data)))


def test_it_is_the_line_that_made_the_labels_known_or_not(data, readout):
    z, y = data
    found = np.asarray(read(readout, jnp.asarray(z)))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], y[:, 0], atol=0.05)
    np.testing.assert_allclose(found[:, 1], z.reshape(500, 4) @ SLOPES[1] - 1, atol=0.2)


def test_noise_is_fitted_as_by_ridge_regression_on_normalised_latents(data):
    z, y = data
    noisy = y + np.random.default_rng(1).normal(size=y.shape).astype(np.float32)
    fitted = fit_readout(z, noisy)
    flat = z.reshape(500, 4).astype(float)
    inputs = np.column_stack([(flat - flat.mean(0)) / flat.std(0), np.ones(500)])
    # As least squares with a row more for each weight, which pulls at it, and none that pulls at the bias.
    pulls = np.sqrt(RIDGE * 500) * np.eye(5)[:4]
    weights = np.linalg.lstsq(np.vstack([inputs, pulls]), np.append(noisy[:, 0], np.zeros(4)), rcond=None)[0]
    np.testing.assert_allclose(fitted.weights[:, 0], weights[:4], atol=1e-4)
    np.testing.assert_allclose(fitted.bias[0], weights[4], atol=1e-4)


def test_its_direction_meets_the_label_and_what_is_not_set_stays(data, readout):
    z = jnp.asarray(data[0])
    y_do = jnp.full((500, 2), jnp.nan).at[:250, 0].set(4.0)
    moved = move(readout, z, y_do)
    np.testing.assert_array_equal(moved[250:], z[250:])
    np.testing.assert_allclose(read(readout, moved)[:250, 0], 4.0, atol=1e-3)
    # Along the weights, on normalised latents.
    steps = ((moved - z).reshape(500, 4) / readout.sd[None])[:250]
    along = np.asarray(readout.weights[:, 0] / jnp.linalg.norm(readout.weights[:, 0]))
    np.testing.assert_allclose(steps, (np.asarray(steps) @ along)[:, None] * along, atol=1e-3)


def test_part_of_a_step_goes_part_of_the_way(data, readout):
    z = jnp.asarray(data[0])
    y_do = jnp.full((500, 2), jnp.nan).at[:, 0].set(4.0)
    before = np.asarray(read(readout, z))[:, 0]
    there = read(readout, move(readout, z, y_do, jnp.array([0.25, 1.0])))[:, 0]
    np.testing.assert_allclose(there, 0.25 * 4 + 0.75 * before, atol=1e-3)
    np.testing.assert_array_equal(move(readout, z, y_do, jnp.array([0.0, 1.0])), z)


def test_of_several_each_gets_the_step_that_it_would_need_alone(data, readout):
    z, unset = jnp.asarray(data[0]), jnp.full((500, 2), jnp.nan)
    first, second = unset.at[:, 0].set(4.0), unset.at[:, 1].set(-2.0)
    both = move(readout, z, jnp.where(jnp.isfinite(first), first, second))
    alone = [move(readout, z, y_do) - z for y_do in (first, second)]
    np.testing.assert_allclose(both - z, alone[0] + alone[1], atol=1e-4)
