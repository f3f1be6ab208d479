"""What a user does with a trained model, and what happens when they slip."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cdae_jax
from cdae_jax.counterfactual.algorithm import counterfactual, restore
from cdae_jax.data.pipeline import make_dataset
from cdae_jax.diffusion.grids import time_grid
from cdae_jax.errors import InputError
from cdae_jax.model.causal_diffae import init_params, labels_of
from cdae_jax.settings.run import Settings
from configs.pendulum import get_config


@pytest.fixture(scope="module")
def model(trained_pendulum):
    return cdae_jax.load(trained_pendulum)


@pytest.fixture(scope="module")
def test_split(model):
    return make_dataset(model.settings.data, model.settings.graph).test


def run(model, x, y_do, num_steps=50, depth=1.0, **options):
    return counterfactual(
        model.model,
        model.params,
        model.schedule,
        jnp.asarray(x),
        jnp.asarray(y_do, jnp.float32),
        jnp.zeros(len(x), jnp.int32),
        jax.random.key(0),
        jnp.asarray(time_grid(model.schedule, num_steps, depth)),
        **options,
    )


def test_load_needs_the_workdir_alone(model, test_split):
    assert model.graph.names == ("angle", "light", "length", "position")
    angle = model.variables[0]
    assert angle.unit == "deg" and -36 <= angle.low < angle.high <= 39
    labels = model.encode(test_split.images[:5])
    assert labels.shape == (5, 4) and np.isfinite(labels).all()
    u, z = model.latents(test_split.images[:5])
    assert u.shape == z.shape == (5, 4, model.settings.model.block_dim)
    np.testing.assert_allclose(model.stats.physical(z.mean(-1)), labels, rtol=1e-5)


def test_labels_are_read_back_through_a_learned_prior():
    config = get_config("smoke")
    config.model.prior = "learned"
    learned = Settings.from_dict(config.to_dict()).make_model(0)
    params = init_params(learned, jax.random.key(0), (16, 16, 3))
    params = jax.tree.map(lambda leaf: leaf + 0.03 * jnp.sin(jnp.arange(leaf.size).reshape(leaf.shape)), params)
    y = jax.random.normal(jax.random.key(1), (6, 4))
    z, _ = learned.apply(params, y, method="prior_of")
    assert np.abs(np.asarray(z.mean(-1)) - y).max() > 0.02  # the means are not the labels themselves
    np.testing.assert_allclose(labels_of(learned, params, z), y, atol=0.006)


def test_a_null_intervention_reproduces_the_image(model, test_split):
    images = test_split.images[:16]
    again = model.reconstruct(images, num_steps=200)
    assert np.abs(again.astype(int) - images).mean() < 8  # inversion is exact in the limit of many steps
    coarse = model.reconstruct(images, num_steps=5)
    assert np.abs(again.astype(int) - images).mean() < np.abs(coarse.astype(int) - images).mean()


def test_do_sets_the_label_moves_descendants_and_nothing_else(model, test_split):
    images = test_split.images[:8]
    factual = model.encode(images)
    result = model.counterfactual(images, {"angle": 20.0})
    assert result.images.shape == images.shape and result.images.dtype == np.uint8
    np.testing.assert_allclose(result.labels[:, 0], 20, rtol=1e-4)
    np.testing.assert_array_equal(result.labels[:, 1], factual[:, 1])
    assert (result.labels[:, 2:] != factual[:, 2:]).all()


def test_do_takes_several_variables_and_a_value_per_sample(model, test_split):
    images = test_split.images[:8]
    angles = np.linspace(-20, 20, 8)
    result = model.counterfactual(images, {"angle": angles, "length": 5})
    np.testing.assert_allclose(result.labels[:, 0], angles, atol=1e-3)
    np.testing.assert_allclose(result.labels[:, 2], 5, rtol=1e-4)
    one = model.counterfactual(images[3], {"angle": angles[3], "length": 5})
    np.testing.assert_allclose(one.labels[0], result.labels[3], rtol=1e-4)
    assert np.abs(one.images[0].astype(int) - result.images[3]).max() <= 1


def test_batches_of_any_size_give_the_same_as_one_by_one(model, test_split, monkeypatch):
    monkeypatch.setattr("cdae_jax.inference.trained_model.BATCHES", (2,))  # 16 images a call on the 8 devices
    result = model.counterfactual(test_split.images[:19], {"light": 100.0})
    monkeypatch.undo()
    whole = model.counterfactual(test_split.images[:19], {"light": 100.0})
    assert result.images.shape[0] == 19
    assert np.abs(result.images.astype(int) - whole.images).max() <= 1


def test_guidance_zero_ignores_the_intervention_in_the_decoder(model, test_split):
    x = test_split.images[:4].astype(np.float32) / 127.5 - 1
    free, set_ = np.full((4, 4), np.nan), np.full((4, 4), np.nan)
    set_[:, 0] = 1.5
    first, second = (np.asarray(run(model, x, y, guidance=0.0, num_steps=4).x) for y in (free, set_))
    np.testing.assert_array_equal(first, second)
    assert (np.asarray(run(model, x, free).z_cf) != np.asarray(run(model, x, set_).z_cf)).any()


def test_strength_grades_a_change_from_nothing_to_all_of_it(model, test_split):
    images = test_split.images[:8]
    do = {"angle": 30.0, "light": 80.0}

    def made(strength):
        return model.counterfactual(images, do, strength=strength, num_steps=4).images.astype(int)

    none, full = made(0), made(1)
    np.testing.assert_array_equal(none, model.reconstruct(images, num_steps=4))
    assert np.abs(made({"angle": 1.0, "light": 1.0}) - full).max() == 0
    for nearly in (0.999999, 1.000001, {"angle": 0.999999, "light": 1.000001}):  # both other paths through the decoder
        assert np.abs(made(nearly) - full).max() <= 1
    only_angle = model.counterfactual(images, {"angle": 30.0}, num_steps=4).images.astype(int)
    np.testing.assert_array_equal(made({"light": 0.0}), only_angle)
    distance = [np.abs(made(w) - none).mean() for w in (0.5, 1, 2)]
    assert 0 < distance[0] < distance[1] < distance[2]


def test_half_of_a_change_is_half_of_the_way_and_its_effects_follow(model, test_split):
    images, do = test_split.images[:8], {"angle": 30.0}
    half = model.counterfactual(images, do, strength=0.5, num_steps=4)
    there = (model.encode(images)[:, 0] + 30) / 2
    np.testing.assert_allclose(half.labels[:, 0], there, atol=1e-3)
    hard = model.counterfactual(images, {"angle": there}, num_steps=4)
    np.testing.assert_allclose(half.labels[:, 1], hard.labels[:, 1])  # light is no effect of the angle
    factual, full = model.encode(images)[:, 2], model.predict(images, do)[:, 2]
    assert (np.abs(half.labels[:, 2] - factual) > 0).all() and (np.abs(half.labels[:, 2] - full) > 0).all()


@pytest.mark.parametrize(("first", "then"), [(0.5, 0.25), (1.5, 2.5)])
def test_grading_another_variable_does_not_compile_again(model, test_split, first, then):
    images = test_split.images[:8]
    model.counterfactual(images, {"angle": 30.0}, strength=first, num_steps=4)
    before = counterfactual._cache_size()
    model.counterfactual(images, {"light": 80.0}, strength=then, num_steps=4)
    assert counterfactual._cache_size() == before


def test_soft_interventions_change_what_the_encoder_reads(model, test_split):
    images = test_split.images[:8]
    read = model.encode(images)
    for change, values in (
        ({"angle": "+2.5"}, read[:, 0] + 2.5),
        ({"angle": "+-2.5"}, read[:, 0] - 2.5),
        ({"angle": "*0.5"}, read[:, 0] * 0.5),
    ):
        soft, hard = model.counterfactual(images, change), model.counterfactual(images, {"angle": values})
        np.testing.assert_array_equal(soft.images, hard.images)
        np.testing.assert_allclose(model.predict(images, change), soft.labels, atol=1e-3)


@pytest.mark.parametrize(
    ("do", "strength", "message"),
    [
        ({"angle": 3}, -1, "the strength of 'angle' is -1: expected a number of at least 0"),
        ({"angle": 3}, {"light": 1.5}, "strength names 'light', which do does not set \\(angle\\): leave it out"),
        ({"angle": 3}, {"angel": 1.5}, "no variable 'angel'"),
        ({"angle": 3}, "much", "expected a number"),
        ({"angle": "-3"}, 1, "do\\(angle\\) is '-3': expected a number, \"\\+number\" to add"),
        ({"angle": "+x"}, 1, "expected a number"),
    ],
)
def test_bad_strengths_and_changes_are_named(model, test_split, do, strength, message):
    with pytest.raises(InputError, match=message):
        model.counterfactual(test_split.images[:2], do, strength=strength)


def test_what_the_inversion_loses_comes_back_where_nothing_changes(model, test_split):
    images = test_split.images[:4]
    lossy = model.reconstruct(images, num_steps=4, abduction="invert")
    assert np.abs(lossy.astype(int) - images).max() > 4
    for guidance in (1.0, 2.0):  # what guidance does to the factual image is lost and restored like the rest
        exact = model.reconstruct(images, num_steps=4, abduction="restore", guidance=guidance)
        np.testing.assert_array_equal(exact, images)

    x = images.astype(np.float32) / 127.5 - 1
    free, set_ = np.full((4, 4), np.nan), np.full((4, 4), np.nan)
    set_[:, 0] = 1.5
    x_rec, x_cf = (np.asarray(run(model, x, y, num_steps=4).x) for y in (free, set_))
    expected = np.clip(x_cf + np.exp(-0.5 * ((x_cf - x_rec) / 0.25) ** 2) * (x - x_rec), -1, 1)
    made = np.asarray(run(model, x, set_, num_steps=4, abduction="restore").x)
    np.testing.assert_allclose(made, expected, atol=1e-4)
    assert np.abs(made - x_cf).max() > 0.05


def test_a_pixel_that_changes_by_much_gets_nothing_back():
    x, x_rec, x_cf = (jnp.array([[[[value]]]]) for value in (0.5, 0.4, 0.4))
    np.testing.assert_allclose(restore(x, x_rec, x_cf), 0.5, atol=1e-6)
    np.testing.assert_allclose(restore(x, x_rec, x_cf - 0.25), 0.15 + 0.1 * np.exp(-0.5), atol=1e-6)
    np.testing.assert_allclose(restore(x, x_rec, x_cf - 1.2), -0.8, atol=1e-6)


def test_noise_abduction_of_little_depth_stays_near_the_image(model, test_split):
    x = test_split.images[:4].astype(np.float32) / 127.5 - 1
    free = np.full((4, 4), np.nan)
    near, far = (
        np.abs(np.asarray(run(model, x, free, abduction="noise", depth=depth, num_steps=10).x) - x).mean()
        for depth in (0.02, 0.9)
    )
    assert near < 0.1 < far


def test_samples_have_the_wanted_labels_or_new_ones(model):
    labels = model.stats.rows[:3]
    result = model.sample(labels)
    np.testing.assert_allclose(result.labels, labels, rtol=1e-3, atol=1e-2)
    many = model.sample(40, seed=1)
    assert many.images.shape == (40, *model.image_shape)
    assert len(np.unique(many.labels[:, 0])) > 20
    np.testing.assert_array_equal(many.images, model.sample(40, seed=1).images)


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ({"angel": 3}, "no variable 'angel'.*did you mean 'angle'"),
        ({"angle": "north"}, r"do\(angle\) is 'north': expected a number"),
        ({"angle": np.nan}, "finite number"),
        ({"angle": np.zeros(3)}, "or 4 of them, in deg"),
        ({"angle": None}, "expected one finite number"),
        (["angle"], "expected a mapping"),
    ],
)
def test_bad_interventions_are_named(model, test_split, do, message):
    with pytest.raises(InputError, match=message):
        model.counterfactual(test_split.images[:4], do)


def test_a_value_far_outside_the_training_range_is_warned_about(model, test_split):
    with pytest.warns(UserWarning, match=r"do\(angle=90\) lies outside the range seen in training, -3"):
        model.counterfactual(test_split.images[:1], {"angle": 90})


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 8, 8, 3), np.uint8), r"shape \(2, 8, 8, 3\): expected \(batch, 16, 16, 3\)"),
        (np.zeros((2, 16, 16, 3), np.float32), "type float32: expected uint8"),
        (np.zeros((0, 16, 16, 3), np.uint8), "shape"),
    ],
)
def test_bad_images_are_named(model, images, message):
    with pytest.raises(InputError, match=message):
        model.counterfactual(images, {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_steps": 0}, "num_steps is 0"),
        ({"num_steps": 2000}, "from 1 to 1000"),
        ({"guidance": -1}, "guidance is -1"),
        ({"abduction": "guess"}, "expected one of invert, restore, noise"),
        ({"depth": 0}, "depth is 0"),
        ({"corrections": -1}, "corrections is -1: expected a whole number of at least 0"),
        ({"corrections": True}, "corrections is True"),
        ({"fit_steps": -1}, "fit_steps is -1: expected a whole number of at least 0"),
        ({"fit_steps": 2}, 'fit_steps is 2, but config.model.decoder is "diffusion", which has no draft'),
        ({"context": 3}, "this model has none"),
    ],
)
def test_bad_options_are_named(model, test_split, options, message):
    with pytest.raises(InputError, match=message):
        model.counterfactual(test_split.images[:1], {}, **options)


def test_bad_labels_are_named(model):
    with pytest.raises(InputError, match="in the order angle, light, length, position"):
        model.sample(np.zeros((2, 3)))
    with pytest.raises(InputError, match="number of samples is 0"):
        model.sample(0)


def test_missing_and_damaged_workdirs_are_named(trained_pendulum, tmp_path):
    with pytest.raises(InputError, match="no folder"):
        cdae_jax.load(tmp_path / "nowhere")
    with pytest.raises(InputError, match="config.json is missing"):
        cdae_jax.load(tmp_path)

    def damaged(name, spoil):
        copy = shutil.copytree(trained_pendulum, tmp_path / name)
        spoil(copy)
        with pytest.raises(InputError) as error:
            cdae_jax.load(copy)
        return str(error.value)

    assert "config.json cannot be read" in damaged("a", lambda d: (d / "config.json").write_text("{"))
    assert "model.json is damaged" in damaged("b", lambda d: (d / "model.json").write_text("{}"))
    assert "no complete checkpoint" in damaged("c", lambda d: shutil.rmtree(d / "checkpoints"))

    def misspell(directory):
        config = json.loads((directory / "config.json").read_text())
        config["train"]["stepz"] = config["train"].pop("steps")
        (directory / "config.json").write_text(json.dumps(config))

    assert "config.train.stepz is no setting; did you mean 'steps'" in damaged("e", misspell)
