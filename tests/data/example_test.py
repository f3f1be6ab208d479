"""The worked example: its counterfactuals keep each image's noise, and its drawing shows every label."""

import numpy as np

from cdae_jax.data import example

LABELS = example.draw_labels(400, np.random.default_rng(0))
WARMTH, SIZE, GLOW, HEIGHT, ON = range(5)


def under(name, value):
    mask, values = np.zeros(LABELS.shape, bool), np.zeros(LABELS.shape)
    mask[:, name], values[:, name] = True, value
    return example.true_counterfactual(LABELS, mask, values)


def test_do_nothing_changes_nothing():
    np.testing.assert_allclose(under(WARMTH, LABELS[:, WARMTH]), LABELS)
    np.testing.assert_allclose(under(ON, LABELS[:, ON]), LABELS)


def test_effects_follow_by_their_laws_and_keep_their_noise():
    found = under(WARMTH, 0.5)
    np.testing.assert_allclose(found[:, SIZE] - LABELS[:, SIZE], 4 * (0.5 - LABELS[:, WARMTH]))
    np.testing.assert_allclose(found[:, HEIGHT] - LABELS[:, HEIGHT], -8 * (0.5 - LABELS[:, WARMTH]))
    inside = (found[:, GLOW] > 0) & (found[:, GLOW] < 1) & (LABELS[:, GLOW] > 0) & (LABELS[:, GLOW] < 1)
    slope = (found[:, GLOW] - LABELS[:, GLOW]) / (found[:, SIZE] - LABELS[:, SIZE])
    np.testing.assert_allclose(slope[inside], 0.15, rtol=1e-6)
    assert np.isnan(found[:, ON]).all()  # whose noise is unknown


def test_what_is_set_leaves_all_but_its_effects():
    found = under(HEIGHT, 15.0)
    np.testing.assert_array_equal(found[:, :HEIGHT], LABELS[:, :HEIGHT])
    assert (found[:, HEIGHT] == 15).all()


def test_every_label_is_seen():
    base = np.array([0.5, 6.0, 0.5, 16.0, 0.0])
    for i, value in enumerate((0.9, 4.0, 0.9, 12.0, 1.0)):
        changed = base.copy()
        changed[i] = value
        assert (example.draw_image(changed) != example.draw_image(base)).any()


def test_training_labels_have_gaps_and_test_labels_none():
    data = example.make_dataset(300, 50, seed=1)
    assert len(data.train) == 300 and len(data.test) == 50
    assert 0.25 < np.isnan(data.train.labels).mean() < 0.35 and not np.isnan(data.test.labels).any()


def test_labels_are_read_from_images_of_any_combination():
    """Also of those that the mechanisms never make, as do() does."""
    free = np.random.default_rng(1).permuted(LABELS, axis=0)
    for labels in (LABELS, free):
        error = np.abs(example.measure(np.stack([example.draw_image(row) for row in labels])) - labels) / LABELS.std(0)
        assert (error.mean(0) < 0.01).all() and error.max() < 0.03
