"""The pendulum: pixels where the geometry says, labels read back from them, and true counterfactuals."""

import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.data import pendulum
from cdae_jax.data.drawing import to_uint8
from cdae_jax.errors import InputError

SCENES = pendulum.continuous_labels(64, np.random.default_rng(1))


def test_numpy_and_jax_render_the_same_pixels():
    by_numpy = to_uint8(pendulum.draw_scene(SCENES, 48))
    by_jax = np.asarray(to_uint8(pendulum.draw_scene(SCENES, 48, xp=jnp), xp=jnp))
    gap = np.abs(by_numpy.astype(int) - by_jax)
    assert gap.max() <= 1 and (gap > 0).mean() < 1e-3  # rounding of halves


@pytest.mark.parametrize("resolution", [24, 32, 96])
def test_a_higher_resolution_shows_the_same_scene(resolution):
    fine = pendulum.render(SCENES[:8], resolution * 4).astype(float)
    coarse = fine.reshape(8, resolution, 4, resolution, 4, 3).mean((2, 4))
    assert np.abs(coarse - pendulum.render(SCENES[:8], resolution)).mean() < 1.5


def test_pixels_stand_where_the_geometry_says():
    image = pendulum.render(np.array([[30.0, 90.0, 4.0, 8.0]]), 220)[0].astype(int)

    def at(x, y):
        return image[int((21 - y) * 10), int(x * 11)]

    assert np.abs(at(10 + 8 * 0.5, 10.5 - 8 * np.cos(np.pi / 6)) - [178, 34, 34]).max() <= 1  # bob
    assert np.abs(at(10, 20.4) - [255, 165, 0]).max() <= 1  # sun above the middle
    assert at(7, -0.5).max() == 0 and at(9, -0.5).max() == 0 and at(12, -0.5).min() == 255  # shadow from 6 to 10


def test_measurement_recovers_all_factors_even_where_no_shadow_falls_so():
    shuffled = np.stack([np.random.default_rng(i).permutation(column) for i, column in enumerate(SCENES.T)], -1)
    for labels in (SCENES[:16], shuffled[:16]):
        gap = np.abs(pendulum.measure(pendulum.render(labels, 32)) - labels)
        assert (np.median(gap, 0) < [0.05, 0.05, 0.02, 0.02]).all()
        assert (gap[:, :2].max(0) < 0.1).all()


def test_classic_grid_has_the_published_sizes_and_floor():
    train, test = pendulum.grid_labels()
    assert (len(train), len(test)) == (5482, 1826)
    everything = np.concatenate([train, test])
    assert len(np.unique(everything[:, :2], axis=0)) == 7308
    assert (everything[:, 2] <= pendulum.MIN_SHADOW).mean() == pytest.approx(0.396, abs=0.001)


def test_true_pendulum_counterfactuals():
    mask, values = np.zeros((64, 4), bool), np.zeros((64, 4), np.float32)
    mask[:, 0], values[:, 0] = True, 20
    mask[32:, 2], values[32:, 2] = True, 5
    after = pendulum.true_counterfactual(SCENES, mask, values)
    np.testing.assert_array_equal(after[:, 1], SCENES[:, 1])
    length, position = pendulum.shadow(np.full(64, 20.0), SCENES[:, 1])
    np.testing.assert_allclose(after[:32, 2], length[:32], atol=1e-4)
    np.testing.assert_allclose(after[32:, 2], 5)
    np.testing.assert_allclose(after[:, 3], position, atol=1e-4)
    unchanged = pendulum.true_counterfactual(SCENES, np.zeros((64, 4), bool), values)
    np.testing.assert_allclose(unchanged, SCENES, atol=1e-4)


def test_decorrelated_scenes_have_the_same_values_and_true_labels():
    images, labels = pendulum.decorrelate(np.zeros((64, 32, 32, 3), np.uint8), SCENES, np.random.default_rng(0))
    np.testing.assert_array_equal(images, pendulum.render(labels, 32))
    for column in range(4):
        np.testing.assert_array_equal(np.sort(labels[:, column]), np.sort(SCENES[:, column]))
    assert np.abs(np.corrcoef(labels.T)[:2, 2:]).max() < 0.4


def test_a_share_of_the_scenes_has_a_shadow_that_was_set():
    plain = pendulum.make_dataset("continuous", 16, 400, 50, 0)
    data = pendulum.make_dataset("continuous", 16, 400, 50, 0, interventional_share=0.25)
    was_set = data.train.intervened
    assert was_set.any(1).sum() == 100 and not was_set[:, :2].any()
    assert {tuple(row) for row in was_set[was_set.any(1), 2:]} == {(True, False), (False, True), (True, True)}
    np.testing.assert_array_equal(data.train.labels[~was_set], plain.train.labels[~was_set])
    np.testing.assert_array_equal(data.test.images, plain.test.images)
    for column in (2, 3):  # values come from the data's own marginal
        values = data.train.labels[was_set[:, column], column]
        assert np.isin(values, plain.train.labels[:, column]).all()
    np.testing.assert_array_equal(data.train.images, pendulum.render(data.train.labels, 16))
    assert not plain.train.was_set.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sobol", 32, 10, 10, 0), "sampling is 'sobol'"),
        (("continuous", 8, 10, 10, 0), "resolution is 8"),
        (("grid", 32, 9999, 10, 0), "train_size is 9999"),
    ],
)
def test_bad_pendulum_settings_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        pendulum.make_dataset(*arguments)
