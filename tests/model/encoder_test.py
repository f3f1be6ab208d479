"""The encoder: what it gives, and that it sees where things are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from networks import filled

from cdae_jax.model.encoder import INITIAL_LOG_VAR, Encoder, sample_gaussian, style_encoder

X = jax.random.uniform(jax.random.key(0), (2, 8, 8, 3), minval=-1, maxval=1)


def encoder(**changes):
    return Encoder(**{"num_variables": 3, "block_dim": 2, "channels": 4, "multipliers": (1, 2), "patch": 2} | changes)


@pytest.fixture(scope="module")
def params():
    return filled(encoder().init, jax.random.key(0), X)


@pytest.fixture(scope="module")
def encode(params):
    return jax.jit(lambda x: encoder().apply(params, x))


def test_each_variable_has_a_block_of_means_and_one_of_log_variances(encode):
    mean, log_var = encode(X)
    assert mean.shape == log_var.shape == (2, 3, 2)
    assert (np.abs(mean[0] - mean[1]) > 1e-3).all() and (np.abs(log_var[0] - log_var[1]) > 1e-3).all()


def test_it_starts_with_little_noise():
    _, log_var = jax.jit(lambda: encoder().apply(encoder().init(jax.random.key(0), X), X))()
    assert abs(float(log_var.mean()) - INITIAL_LOG_VAR) < 1 and float(jnp.exp(0.5 * log_var).max()) < 1


def test_where_things_are_matters(encode):
    """A pooled encoder would read the same from an image whose content has moved by a whole patch."""
    spot = jnp.zeros((1, 8, 8, 3)).at[:, 2, 2].set(1.0)
    here, there = (encode(jnp.repeat(x, 2, 0))[0] for x in (spot, jnp.roll(spot, (4, 4), (1, 2))))
    assert np.abs(here - there).max() > 0.01


def test_style_starts_as_its_prior_and_may_follow_what_it_is_given():
    of_style = style_encoder(3, 8, (1,), 4, dtype=jnp.float32)
    x = jax.random.uniform(jax.random.key(0), (2, 16, 16, 3))
    z = jax.random.normal(jax.random.key(1), (2, 4, 4))
    for part in jax.jit(lambda key: of_style.init_with_output(key, x, z)[0])(jax.random.key(2)):
        np.testing.assert_array_equal(part, np.zeros((2, 1, 3)))
    params = filled(of_style.init, jax.random.key(2), x, z)
    mean, moved = (jax.jit(of_style.apply)(params, x, given)[0] for given in (z, z.at[1].add(1)))
    np.testing.assert_array_equal(mean[0], moved[0])
    assert np.abs(mean[1] - moved[1]).max() > 1e-3


def test_images_are_read_one_by_one(encode):
    np.testing.assert_array_equal(encode(X)[0][0], encode(X.at[1].multiply(-1))[0][0])


def test_in_half_precision_what_it_gives_and_its_parameters_are_of_single(params, encode):
    half = encoder(dtype=jnp.bfloat16)
    for leaf in jax.tree.leaves(jax.eval_shape(lambda: half.init(jax.random.key(0), X))):
        assert leaf.dtype == jnp.float32
    for ours, full in zip(jax.jit(half.apply)(params, X), encode(X), strict=True):
        assert ours.dtype == jnp.float32
        np.testing.assert_allclose(ours, full, atol=0.1)
        assert (ours != full).any()


def test_a_sample_lies_as_many_standard_deviations_off_as_its_noise_says():
    mean, log_var = jnp.array([1.0, 2.0]), jnp.log(jnp.array([4.0, 0.25]))
    found = sample_gaussian(mean, log_var, jnp.array([0.5, -3.0]))
    np.testing.assert_allclose(found, [1 + 2 * 0.5, 2 - 0.5 * 3], rtol=1e-6)
