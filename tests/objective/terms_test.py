"""Divergences against numerical integration, and masks and counts of labels by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.objective.terms import (
    counts,
    kl_gaussian,
    kl_standard_normal,
    masked_sum,
    masks,
    mean_square,
)

K = 4


def test_kl_divergences_match_numerical_integration():
    x = np.linspace(-12, 12, 200_001)

    def normal(mean, sd):
        return np.exp(-0.5 * ((x - mean) / sd) ** 2) / sd / np.sqrt(2 * np.pi)

    def integrate(q, p):
        integrand = np.where(q > 1e-300, q * np.log(np.maximum(q, 1e-300) / np.maximum(p, 1e-300)), 0)
        return np.sum(integrand) * (x[1] - x[0])

    mean, log_var = jnp.float32(0.5), jnp.log(jnp.float32(0.49))
    found = float(kl_gaussian(mean, log_var, jnp.float32(-0.2), 1.3))
    assert found == pytest.approx(integrate(normal(0.5, 0.7), normal(-0.2, 1.3)), abs=1e-4)
    found = float(kl_standard_normal(mean, log_var))
    assert found == pytest.approx(integrate(normal(0.5, 0.7), normal(0, 1)), abs=1e-4)


def test_the_label_divergence_is_exact_for_a_linear_chain():
    """Against the joint Gaussian divergence by Monte Carlo over sampled parents."""
    mean, log_var = np.array([0.3, -0.2]), np.log(np.array([0.04, 0.09]))
    slope, prior_mean, prior_sd = 0.8, np.array([0.1, 0.5]), 0.5
    # q(z): z_0 = u_0, z_1 = slope z_0 + u_1, jointly Gaussian.
    weights = np.array([[1, 0], [slope, 1]])
    q_mean, q_cov = weights @ mean, weights @ np.diag(np.exp(log_var)) @ weights.T
    gap = q_mean - prior_mean
    distance = np.trace(q_cov) / prior_sd**2 + gap @ gap / prior_sd**2 - 2
    exact = 0.5 * (distance + 4 * np.log(prior_sd) - np.log(np.linalg.det(q_cov)))
    u_0 = mean[0] + np.exp(0.5 * log_var[0]) * np.random.default_rng(0).normal(size=100_000)
    conditional = np.stack([np.full_like(u_0, mean[0]), slope * u_0 + mean[1]], -1)
    given = (conditional, np.broadcast_to(log_var, conditional.shape), np.broadcast_to(prior_mean, conditional.shape))
    found = kl_gaussian(*(jnp.asarray(array, jnp.float32) for array in given), prior_sd).sum(-1).mean()
    assert float(found) == pytest.approx(exact, rel=0.01)


def test_a_mean_square_is_over_all_of_an_image():
    values = np.random.default_rng(0).normal(size=(3, 2, 4, 5)).astype(np.float32)
    expected = [np.mean(np.square(image)) for image in values]
    np.testing.assert_allclose(mean_square(jnp.asarray(values)), expected, rtol=1e-5)


def test_masked_sums_are_over_what_is_marked():
    values = jnp.arange(12.0).reshape(2, 3, 2)
    mask = jnp.array([[True, False, False], [False, False, True]])
    assert float(masked_sum(values, mask)) == 0 + 1 + 10 + 11
    unknown = values.at[0, 1].set(jnp.nan)
    slopes = jax.grad(lambda values: masked_sum(values, mask))(unknown)
    np.testing.assert_array_equal(slopes, np.repeat(mask[..., None], 2, -1))  # no NaN comes through


@pytest.fixture(scope="module")
def part_known(batch):
    """A batch with one image without labels, one label missing, and three that were set by hand."""
    y = batch["y"].at[0].set(jnp.nan).at[1, 2].set(jnp.nan)
    return batch | {"y": y, "intervened": batch["intervened"].at[:3, 3].set(True)}


def test_each_term_is_over_the_variables_that_have_something_to_say(part_known):
    found = masks(part_known)
    known, free = np.isfinite(part_known["y"]), ~np.asarray(part_known["intervened"])
    np.testing.assert_array_equal(found["kl_u"], free)
    np.testing.assert_array_equal(found["kl_z"], known)


def test_means_are_over_as_many_dimensions_as_are_known_and_sums_over_images(part_known):
    found = counts(K, "mean", part_known)
    expected = {"decoder": 8, "kl_u": K * (8 * 4 - 3), "kl_z": K * (8 * 4 - 4 - 1)}
    assert {name: float(value) for name, value in found.items()} == expected
    found = counts(K, "sum", part_known)
    assert {name: float(value) for name, value in found.items()} == expected | {"kl_u": 8, "kl_z": 8}
    assert all(value.dtype == jnp.float32 and value.shape == () for value in found.values())


def test_where_no_label_is_known_nothing_is_divided_by_zero(batch):
    nothing = counts(K, "mean", batch | {"y": jnp.full((8, 4), jnp.nan)})
    assert float(nothing["kl_z"]) == 1
