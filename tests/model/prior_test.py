"""The label prior: what stands for a number and for a class, and that it is read back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.model.prior import class_codes, codes_of, label_codes, labels_of, nearest

GRAPH = CausalGraph(
    (
        Variable("size"),
        Variable("animal", ("size",), kind="categorical", classes=3),
        Variable("tame", kind="binary"),
    )
)
K = 4
# The labels of a binary variable are numbers, standardised.
Y = jnp.array([[0.3, 0.0, -1.2], [-2.0, 1.0, 0.8], [0.0, 2.0, 0.8], [1.5, 1.0, -1.2]])


def test_labels_are_read_back_from_their_codes():
    np.testing.assert_allclose(labels_of(GRAPH, label_codes(GRAPH, K, Y)), Y, atol=1e-6)


def test_a_number_is_repeated_over_its_block_and_a_class_has_its_code():
    codes = label_codes(GRAPH, K, Y)
    assert codes.shape == (4, 3, K)
    for i in (0, 2):
        np.testing.assert_array_equal(codes[:, i], np.repeat(Y[:, i, None], K, axis=1))
    np.testing.assert_array_equal(codes[:, 1], class_codes(3, K)[np.array([0, 1, 2, 1])])


@pytest.mark.parametrize(("classes", "block_dim"), [(2, 2), (3, 5), (10, 16)])
def test_codes_of_classes_are_standardised_and_equally_far_apart(classes, block_dim):
    codes = np.asarray(class_codes(classes, block_dim), float)
    np.testing.assert_allclose(codes[:, :classes].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(codes[:, :classes].std(0), 1, rtol=1e-5)
    np.testing.assert_array_equal(codes[:, classes:], 0)
    gaps = np.linalg.norm(codes[:, None] - codes[None], axis=-1)[~np.eye(classes, dtype=bool)]
    np.testing.assert_allclose(gaps, gaps[0], rtol=1e-5)


def test_a_class_of_two_is_minus_1_or_1_throughout_where_it_is_an_effect():
    codes = codes_of(GRAPH.variables[2], K)
    np.testing.assert_array_equal(codes, [[-1] * K, [1] * K])
    z = codes[jnp.array([0, 1, 1])] + 0.9 * jax.random.uniform(jax.random.key(0), (3, K), minval=-1)
    np.testing.assert_array_equal(nearest(codes, z), [0, 1, 1])


def test_what_lies_off_the_codes_is_read_as_the_mean_and_as_the_nearest_class():
    z = label_codes(GRAPH, K, Y) + 0.2 * jax.random.normal(jax.random.key(0), (4, 3, K))
    found = labels_of(GRAPH, z)
    np.testing.assert_array_equal(found[:, 1], Y[:, 1])
    np.testing.assert_allclose(found[:, ::2], np.asarray(z).mean(-1)[:, ::2], atol=1e-6)
    third = z.at[:, 1].set(0.4 * z[:, 1] + 0.6 * class_codes(3, K)[None, 2])
    np.testing.assert_array_equal(labels_of(GRAPH, third)[:, 1], np.full(4, 2.0))
