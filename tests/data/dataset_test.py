"""Splits: which labels are kept where few are, and which variables are set by hand."""

import numpy as np
import pytest

from cdae_jax.data.dataset import Split, intervene
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable

LABELS = np.arange(2_000, dtype=np.float32).reshape(1_000, 2)
SPLIT = Split(np.arange(1_000, dtype=np.uint8).reshape(-1, 1, 1, 1) % 251, LABELS, np.arange(1_000, dtype=np.int32))
CHAIN = CausalGraph((Variable("a"), Variable("b", ("a",)), Variable("c", ("b",))))


def known(split):
    return np.isfinite(split.labels).all(1)


def test_rows_are_taken_of_all_arrays():
    split = Split(SPLIT.images, LABELS, SPLIT.context, intervened=LABELS > 1_000)
    rows = np.array([7, 3])
    taken = split.take(rows)
    assert len(taken) == 2 and taken.context.tolist() == [7, 3]
    for name in ("images", "labels", "intervened"):
        np.testing.assert_array_equal(getattr(taken, name), getattr(split, name)[rows])
    without = Split(SPLIT.images, LABELS).take(slice(2, 5))
    assert without.context is without.intervened is None
    assert without.was_set.shape == (3, 2) and not without.was_set.any()


@pytest.mark.parametrize(("fraction", "count"), [(0.1, 100), (0.25, 250), (1e-9, 1)])
def test_a_fraction_of_the_images_keeps_all_its_labels(fraction, count):
    few = SPLIT.with_labels(fraction, seed=3)
    assert known(few).sum() == count == np.isfinite(few.labels).any(1).sum()
    np.testing.assert_array_equal(few.labels[known(few)], LABELS[known(few)])
    np.testing.assert_array_equal(few.images, SPLIT.images)
    np.testing.assert_array_equal(known(few), known(SPLIT.with_labels(fraction, seed=3)))
    if count > 1:
        assert (known(few) != known(SPLIT.with_labels(fraction, seed=4))).any()
        assert not (known(few) & ~known(SPLIT.with_labels(0.5, seed=3))).any()  # smaller fractions are nested


def test_with_all_labels_it_is_the_split_itself():
    assert SPLIT.with_labels(1.0, 3) is SPLIT  # so that full supervision is what it was, bit for bit


def add_up(labels, mask, values):
    """Every variable is its parent and 1."""
    after = np.where(mask, values, labels)
    for i in (1, 2):
        after[:, i] = np.where(mask[:, i], after[:, i], after[:, i - 1] + 1)
    return after


def test_some_of_what_has_parents_is_set_to_values_of_other_rows_and_carries_its_effects():
    roots = np.arange(400, dtype=np.float32)
    labels = np.stack([roots, roots + 1, roots + 2], -1)
    after, was_set = intervene(labels, CHAIN, add_up, 0.5, np.random.default_rng(0))
    assert was_set.any(1).sum() == 200 and not was_set[:, 0].any()
    assert {tuple(row) for row in was_set[was_set.any(1), 1:]} == {(True, False), (False, True), (True, True)}
    np.testing.assert_array_equal(after[~was_set.any(1)], labels[~was_set.any(1)])
    np.testing.assert_array_equal(after[:, 0], roots)
    follows = was_set[:, 1] & ~was_set[:, 2]
    np.testing.assert_array_equal(after[follows, 2], after[follows, 1] + 1)
    for column in (1, 2):  # values come from the data's own marginal
        assert np.isin(after[was_set[:, column], column], labels[:, column]).all()


def test_a_share_of_nothing_sets_nothing():
    labels = np.zeros((4, 3))
    after, was_set = intervene(labels, CHAIN, None, 0.0, np.random.default_rng(0))
    assert after is labels and not was_set.any()


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_impossible_shares_are_refused(share):
    with pytest.raises(InputError, match="config.data.interventional_share is .*: expected a number from 0 to 1"):
        intervene(np.zeros((4, 3)), CHAIN, None, share, np.random.default_rng(0))
