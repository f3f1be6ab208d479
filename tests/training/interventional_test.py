"""Training images that show what no mechanism would: variables set by hand."""

import jax
import numpy as np
import pytest
from devices import one_device

import cdae_jax
from cdae_jax.data import circuit, pendulum
from cdae_jax.data.dataset import intervene
from cdae_jax.errors import InputError
from cdae_jax.settings.run import Settings
from cdae_jax.training.loop import train_model
from configs.pendulum import get_config


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


def test_what_is_set_carries_its_effects():
    data = circuit.make_lookalike(32, 300, 20, 0, interventional_share=1.0)
    plain = circuit.make_lookalike(32, 300, 20, 0)
    only_blue = data.train.intervened[:, 1] & ~data.train.intervened[:, 3]
    red_before, red_after = (split.labels[only_blue, 3] for split in (plain.train, data.train))
    blue_up = data.train.labels[only_blue, 1] > plain.train.labels[only_blue, 1]
    same_green = ~data.train.intervened[only_blue, 2]
    assert (red_after[blue_up & same_green] >= red_before[blue_up & same_green] - 1e-6).all()
    assert (red_after != red_before).any()


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_impossible_shares_are_refused(share):
    with pytest.raises(InputError, match="config.data.interventional_share is .*: expected a number from 0 to 1"):
        intervene(np.zeros((4, 4)), pendulum.GRAPH, None, share, np.random.default_rng(0))


def test_training_takes_statistics_and_samples_from_what_was_left_alone(tmp_path):
    config = get_config("smoke")
    config.data.interventional_share = 0.5
    settings = Settings.from_dict(config.to_dict())
    with one_device():
        model = cdae_jax.load(train_model(settings, tmp_path / "run"))
    size = settings.data.train_size
    assert len(model.stats.rows) == size // 2
    length, position = pendulum.shadow(model.stats.rows[:, 0], model.stats.rows[:, 1])
    np.testing.assert_allclose(model.stats.rows[:, 2:], np.stack([length, position], -1), rtol=1e-5)
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(model.params))
