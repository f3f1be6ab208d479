"""Training with few labels: which images keep them, and that a fraction of 1 changes nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cdae_jax
from cdae_jax.data.dataset import Split
from cdae_jax.errors import InputError
from cdae_jax.losses import CONDITIONS
from cdae_jax.settings import Settings
from cdae_jax.train import train_model
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


@pytest.mark.parametrize("condition", CONDITIONS)
def test_training_with_few_labels_uses_their_statistics(tmp_path, condition):
    config = get_config("smoke")
    config.data.label_fraction, config.train.steps, config.train.condition = 0.1, 4, condition
    settings = Settings.from_dict(config.to_dict())
    model = cdae_jax.load(train_model(settings, tmp_path / "run"))
    assert len(model.stats.rows) == round(0.1 * settings.data.train_size)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(model.params))
