"""Training with few labels: which images keep them, and that a fraction of 1 changes nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from devices import one_device

import cdae_jax
from cdae_jax.data.dataset import Split
from cdae_jax.data.pipeline import batches
from cdae_jax.errors import InputError
from cdae_jax.objective.objective import CONDITIONS
from cdae_jax.settings.run import Settings
from cdae_jax.training.loop import train_model
from configs.pendulum import get_config

LABELS = np.arange(2_000, dtype=np.float32).reshape(1_000, 2)
SPLIT = Split(np.arange(1_000, dtype=np.uint8).reshape(-1, 1, 1, 1) % 251, LABELS, np.arange(1_000, dtype=np.int32))


def known(split):
    return np.isfinite(split.labels).all(1)


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


def test_the_labelled_part_alone_and_all_of_it():
    few = SPLIT.with_labels(0.1, 3)
    only = SPLIT.with_labels(0.1, 3, labelled_only=True)
    np.testing.assert_array_equal(only.labels, few.labels[known(few)])
    np.testing.assert_array_equal(only.context, few.context[known(few)])
    gaps = LABELS.copy()
    gaps[:400], gaps[400:500, 0] = np.nan, np.nan
    some = Split(SPLIT.images, gaps, SPLIT.context)
    np.testing.assert_array_equal(some.with_labels(1.0, 3, labelled_only=True).labels, gaps[400:])
    assert SPLIT.with_labels(1.0, 3) is SPLIT  # so that full supervision is what it was, bit for bit


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.5])
def test_impossible_fractions_are_refused(fraction):
    config = get_config("smoke")
    config.data.label_fraction = fraction
    with pytest.raises(InputError, match=r"config.data.label_fraction is .*: expected a number above 0 and up to 1"):
        Settings.from_dict(config.to_dict())


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_impossible_shares_are_refused(share):
    config = get_config("smoke")
    config.data.labelled_share = share
    with pytest.raises(InputError, match=r"config.data.labelled_share is .*: expected a number from 0 to 1"):
        Settings.from_dict(config.to_dict())


def test_a_share_of_every_batch_is_labelled_if_labels_are_few():
    few = SPLIT.with_labels(0.05, 3)
    drawn = list(batches(few, 0, 125, 16, seed=1, labelled_share=0.5))
    assert all(known(batch).sum() == 8 for batch in drawn)
    unlabelled = np.concatenate([batch.context[~known(batch)] for batch in drawn])
    assert len(np.unique(unlabelled[:944])) == 944  # of 950: no image twice in an epoch
    labelled = np.concatenate([batch.context[known(batch)] for batch in drawn])
    assert sorted(set(labelled)) == sorted(few.context[known(few)])
    again = list(batches(few, 100, 125, 16, seed=1, labelled_share=0.5))
    np.testing.assert_array_equal(again[0].context, drawn[100].context)  # a function of the step
    parts = [next(batches(few, 7, 8, 16, 1, i, 2, labelled_share=0.5)).context for i in range(2)]
    np.testing.assert_array_equal(np.concatenate(parts), drawn[7].context)


@pytest.mark.parametrize(("fraction", "share"), [(1.0, 0.5), (0.6, 0.5), (0.05, 0.0)])
def test_enough_labels_leave_the_batches_as_they_were(fraction, share):
    split = SPLIT.with_labels(fraction, 3)
    for with_share, without in zip(
        batches(split, 0, 70, 16, 1, labelled_share=share), batches(split, 0, 70, 16, 1), strict=True
    ):
        np.testing.assert_array_equal(with_share.context, without.context)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_training_with_few_labels_uses_their_statistics(tmp_path, condition):
    config = get_config("smoke")
    config.data.label_fraction, config.train.condition = 0.1, condition
    settings = Settings.from_dict(config.to_dict())
    with one_device():
        model = cdae_jax.load(train_model(settings, tmp_path / "run"))
    assert len(model.stats.rows) == round(0.1 * settings.data.train_size)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(model.params))
