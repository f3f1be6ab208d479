"""Support: even over labels like those of training, 100 far away, and warned about no oftener than by chance."""

import numpy as np
import pytest
from scipy.stats import kstest

from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.inference.support import TrainingLabels, warning

GRAPH = CausalGraph((Variable("a"), Variable("b", ("a",), unit="m"), Variable("kind", kind="categorical", classes=3)))


def draw(num, seed):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=num)
    return np.stack([a, 1000 * (a + 0.1 * rng.normal(size=num)), rng.integers(0, 2, num)], 1)


SEEN = TrainingLabels(draw(1024, 0), GRAPH)


def test_labels_like_those_of_training_have_any_support_evenly():
    support = SEEN.support(draw(500, 1))
    assert kstest(support / 100, "uniform").pvalue > 0.01
    assert warning(support) is None


def test_what_no_training_label_shows_has_none_left():
    labels = draw(100, 2)
    labels[:, 1] += 2000  # each number in its range, but not together
    assert (SEEN.support(labels) > 99).all()
    assert "the labels of 100 of 100 counterfactuals lie farther" in warning(SEEN.support(labels))
    assert warning(SEEN.support(labels[:1])).startswith("these labels lie farther")
    labels = draw(100, 3)
    labels[:, 2] = 2  # a class that no image has
    assert (SEEN.support(labels) == 100).all()
    np.testing.assert_allclose(SEEN.distance(draw(1024, 0)), 0)
    assert (SEEN.support(draw(1024, 0)) == 0).all()


def test_distances_by_hand_are_in_standard_deviations_and_of_classes_fixed():
    rows = np.array([[0.0, 0, 0], [2, 20, 0]])  # of sd 1 and 10
    seen = TrainingLabels(rows, GRAPH)
    labels = np.array([[0.0, 10, 0], [3, 20, 0], [0, 0, 1], [0, 10, 2]])
    assert seen.distance(labels) == pytest.approx([1, 1, 2**0.5, 3**0.5])
    np.testing.assert_array_equal(seen.support(labels), 0)  # the two are 8^0.5 apart
    np.testing.assert_array_equal(seen.support(labels + np.array([9, 0, 0])), 100)


@pytest.mark.parametrize("num", [0, 1])
def test_without_training_labels_nothing_is_said(num):
    support = TrainingLabels(draw(num, 0), GRAPH).support(draw(3, 1))
    assert np.isnan(support).all() and warning(support) is None
