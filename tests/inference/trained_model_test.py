"""What a user does with a trained model."""

import pickle
import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.errors import InputError
from cdae_jax.inference import checks
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.model.decoders import DECODERS


def test_a_model_says_what_it_knows_of_its_variables(model, images):
    assert model.graph.names == tuple(var.name for var in model.variables) == ("angle", "light", "length", "position")
    angle = model.variables[0]
    assert angle.unit == "deg" and -36 <= angle.low < angle.high <= 39
    labels = model.encode(images[:5])
    assert labels.shape == (5, 4) and np.isfinite(labels).all()
    u, z = model.latents(images[:5])
    assert u.shape == z.shape == (5, 4, model.settings.model.block_dim)
    np.testing.assert_allclose(model.stats.physical(z.mean(-1)), labels, rtol=1e-5)
    np.testing.assert_allclose(model.network.propagate(jnp.asarray(u)), z, atol=1e-5)


def test_images_may_come_in_any_form_and_are_prepared_in_any_size(model, images, tmp_path):
    read, sampled = model.encode(images[:2]), model.sample(2)
    for form in (images[:2] / 255, [Image.fromarray(image) for image in images[:2]]):
        np.testing.assert_array_equal(model.encode(form), read)
    np.testing.assert_array_equal(model.encode(sampled), model.encode(sampled.images))
    np.testing.assert_array_equal(model.encode(images[1])[0], model.encode(images[1:2])[0])
    wide = np.pad(images[:2], ((0, 0), (0, 0), (8, 8), (0, 0))).repeat(2, 1).repeat(2, 2)
    with pytest.raises(InputError, match=r"32 high and 64 wide, .* 16 x 16: give model.prepare\(images\)"):
        model.encode(wide)
    for i, image in enumerate(wide):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    for form in (wide, tmp_path, [tmp_path / "0.png", tmp_path / "1.png"]):
        np.testing.assert_array_equal(model.prepare(form), images[:2])


def test_a_null_intervention_reproduces_the_image(model, images):
    again = model.reconstruct(images, num_steps=200)
    assert np.abs(again.astype(int) - images).mean() < 8  # inversion is exact in the limit of many steps
    coarse = model.reconstruct(images, num_steps=5)
    assert np.abs(again.astype(int) - images).mean() < np.abs(coarse.astype(int) - images).mean()


def test_do_sets_the_label_moves_descendants_and_nothing_else(model, images):
    factual = model.encode(images)
    result = model.counterfactual(images, {"angle": 20.0})
    assert result.images.shape == images.shape and result.images.dtype == np.uint8
    assert (result.images != model.reconstruct(images)).any()
    np.testing.assert_allclose(result.labels[:, 0], 20, rtol=1e-4)
    np.testing.assert_array_equal(result.labels[:, 1], factual[:, 1])
    assert (result.labels[:, 2:] != factual[:, 2:]).all()
    np.testing.assert_array_equal(model.predict(images, {"angle": 20.0}), result.labels)


def test_images_of_fresh_noise_are_warned_about_where_the_unet_is_too_narrow_for_it(model, images):
    says = "keep much of it: the UNet has 8 channels for the 48 numbers of a patch"
    with pytest.warns(UserWarning, match=says):
        model.sample(2)
    with pytest.warns(UserWarning, match=says):
        model.counterfactual(images[:2], {}, abduction="noise")
    with warnings.catch_warnings(action="error"):
        model.counterfactual(images[:2], {})
        for change in ({"unet_channels": 48}, {"patch": 1}, {"decoder": DECODERS["conv"]}):
            checks.warn_if_noise_stays(model.model.clone(**change), 3)


def test_do_takes_several_variables_and_a_value_per_sample(model, images):
    angles = np.linspace(-20, 20, 16)
    result = model.counterfactual(images, {"angle": angles, "length": 5})
    np.testing.assert_allclose(result.labels[:, 0], angles, atol=1e-3)
    np.testing.assert_allclose(result.labels[:, 2], 5, rtol=1e-4)
    one = model.counterfactual(images[3], {"angle": angles[3], "length": 5})
    np.testing.assert_allclose(one.labels[0], result.labels[3], rtol=1e-4)
    assert np.abs(one.images[0].astype(int) - result.images[3]).max() <= 1


def test_a_counterfactual_unpacks_in_two_and_says_how_far_from_training_it_lies(model, images):
    found = model.counterfactual(images, {"light": 100.0})
    made, labels = found
    assert made is found.images and labels is found.labels and pickle.loads(pickle.dumps(found)).support is not None
    np.testing.assert_array_equal(found.support, model.training_labels.support(labels))
    apart = model.counterfactual(images, {"position": model.variables[3].high, "angle": 30.0, "light": 120.0})
    assert (apart.support > found.support).all()


def test_guidance_zero_ignores_the_intervention_in_the_decoder(model, images):
    free, set_ = (model.counterfactual(images, do, guidance=0.0) for do in ({}, {"angle": 30.0}))
    np.testing.assert_array_equal(free.images, set_.images)
    assert (free.labels[:, [0, 2, 3]] != set_.labels[:, [0, 2, 3]]).all()


def test_strength_grades_a_change_from_nothing_to_all_of_it(model, images):
    do = {"angle": 30.0, "light": 80.0}

    def made(strength):
        return model.counterfactual(images, do, strength=strength).images.astype(int)

    none, full = made(0), made(1)
    np.testing.assert_array_equal(none, model.reconstruct(images))
    np.testing.assert_array_equal(made({"angle": 1.0, "light": 1.0}), full)
    assert np.abs(made(0.999999) - full).max() <= 1  # the program that mixes
    only_angle = model.counterfactual(images, {"angle": 30.0}).images.astype(int)
    np.testing.assert_array_equal(made({"light": 0.0}), only_angle)
    assert 0 < np.abs(made(0.5) - none).mean() < np.abs(full - none).mean()


def test_half_of_a_change_is_half_of_the_way_and_its_effects_follow(model, images):
    do = {"angle": 30.0}
    half = model.counterfactual(images, do, strength=0.5)
    there = (model.encode(images)[:, 0] + 30) / 2
    np.testing.assert_allclose(half.labels[:, 0], there, atol=1e-3)
    np.testing.assert_array_equal(half.labels[:, 1], model.encode(images)[:, 1])  # light is no effect of the angle
    u, z = model.latents(images)
    angle = (z[:, 0] + np.asarray(model.network.codes(model.stats.standardise(np.full((1, 4), 30.0))))[:, 0]) / 2
    there_z, _ = model.network.conditionals(jnp.asarray(z).at[:, 0].set(angle)).z_of(u)  # the effects have no effects
    hard = model.stats.physical(np.asarray(model.network.labels_of(there_z)))
    np.testing.assert_allclose(half.labels[:, 2:], hard[:, 2:], atol=1e-3)
    factual, full = model.encode(images)[:, 2], model.predict(images, do)[:, 2]
    assert (np.abs(half.labels[:, 2] - factual) > 0).all() and (np.abs(half.labels[:, 2] - full) > 0).all()


@pytest.mark.parametrize("change", ["+2.5", "+-2.5", "*0.5"])
def test_soft_interventions_change_what_the_encoder_reads(model, images, change):
    read = model.encode(images)[:, 0]
    values = read + np.float32(change[1:]) if change[0] == "+" else read * np.float32(change[1:])
    soft, hard = (model.counterfactual(images, {"angle": value}) for value in (change, values))
    np.testing.assert_array_equal(soft.images, hard.images)
    np.testing.assert_allclose(model.predict(images, {"angle": change}), soft.labels, atol=1e-3)


def test_known_labels_are_what_is_held_true_and_what_changes_start_from(model, images):
    known = {"angle": 10.0, "length": np.full(len(images), 6.0)}
    made = model.counterfactual(images, {}, labels=known)
    np.testing.assert_allclose(made.labels[:, [0, 2]], [[10.0, 6.0]] * len(images), atol=1e-3)
    np.testing.assert_allclose(made.labels[:, 1], model.encode(images)[:, 1], atol=1e-3)
    turned = model.counterfactual(images, {"angle": "+5"}, labels=known)
    np.testing.assert_allclose(turned.labels[:, 0], 15.0, atol=1e-3)
    np.testing.assert_allclose(model.predict(images, {"angle": 15.0}, labels=known), turned.labels, atol=1e-3)
    assert (turned.labels[:, 2] != 6.0).all()  # an effect follows


def test_what_the_inversion_loses_comes_back_where_nothing_changes(model, images):
    lossy = model.reconstruct(images, abduction="invert")
    assert np.abs(lossy.astype(int) - images).max() > 4
    for guidance in (1.0, 2.0):  # what guidance does to the factual image is lost and restored like the rest
        exact = model.reconstruct(images, abduction="restore", guidance=guidance)
        np.testing.assert_array_equal(exact, images)


def test_options_are_the_defaults_but_for_what_is_given(model):
    assert model.defaults == model.settings.sampling
    assert model.options() == model.options(num_steps=None) == model.defaults
    assert model.options(num_steps=7, guidance=2).num_steps == 7
    mine = Sampling(num_steps=3, solver="dpm_solver")
    assert model.options(mine).depth == 1.0  # what suits the decoder
    assert model.options(mine, depth=0.5) == Sampling(num_steps=3, solver="dpm_solver", depth=0.5)
    chosen = TrainedModel(model.settings, model.model, model.params, model.stats, model.image_shape, 3, defaults=mine)
    assert chosen.options() == model.options(mine)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_steps": 0}, "num_steps is 0: expected a whole number from 1 to 1000"),
        ({"num_steps": 2000}, "from 1 to 1000"),
        ({"num_steps": 501, "depth": 0.5}, "num_steps is 501: expected a whole number from 1 to 500"),
        ({"guidance": -1}, "guidance is -1"),
        ({"abduction": "guess"}, "expected one of invert, restore, noise"),
        ({"depth": 1.1}, "depth is 1.1: expected a fraction of the diffusion time"),
        ({"solver": "bdia"}, "solver is 'bdia': expected one of ddim, dpm_solver"),
        ({"corrections": -1}, "corrections is -1: expected a whole number of at least 0"),
        ({"corrections": True}, "corrections is True"),
        ({"fit_steps": -1}, "fit_steps is -1: expected a whole number of at least 0"),
        ({"fit_steps": 2}, 'fit_steps is 2, but config.model.decoder is "diffusion", which has no draft'),
        ({"num_step": 2}, "num_step is no option: expected some of num_steps, .*; did you mean 'num_steps'"),
    ],
)
def test_bad_options_are_named(model, options, message):
    with pytest.raises(InputError, match=message):
        model.options(**options)


def test_mistakes_are_found_by_every_answer(model, images):
    """Each by its own check, see tests/inference/checks_test.py."""
    with pytest.raises(InputError, match="did you mean 'angle'"):
        model.predict(images, {"angel": 3})
    with pytest.raises(InputError, match="not from 0 to 1"):
        model.encode(images.astype(np.float32))
    with pytest.raises(InputError, match="seed is None: expected a whole number"):
        model.counterfactual(images, {}, seed=None)
    with pytest.raises(InputError, match="seed is None: expected a whole number"):
        model.sample(2, seed=None)
    with pytest.raises(InputError, match="this model has none"):
        model.counterfactual(images, {}, context=3)
    with pytest.raises(InputError, match="the strength of 'angle' is 2"):
        model.counterfactual(images, {"angle": 3}, strength=2)
    with pytest.raises(InputError, match="no option"):
        model.counterfactual(images, {"angle": 3}, strenght=0.5)
    with pytest.raises(InputError, match="in the order angle, light, length, position"):
        model.sample(np.zeros((2, 3)))
    with pytest.raises(InputError, match="number of samples is 0"):
        model.sample(0)
    with pytest.warns(UserWarning, match=r"do\(angle=90\) lies outside the range seen in training, -3"):
        model.counterfactual(images, {"angle": 90})


def test_a_change_starts_from_the_label_that_is_read_with_the_context(model, images, monkeypatch):
    seen = []
    monkeypatch.setattr(model, "encode", lambda images, **known: seen.append(known) or np.zeros((len(images), 4)))
    with pytest.raises(InputError, match="context was given, but this model has none"):
        model.predict(images, {"angle": "+5"}, context=3)
    assert [known["context"] for known in seen] == [3]


def test_options_are_a_sampling_or_fields(model, images):
    with pytest.raises(InputError, match="expected a Sampling, or None and fields by name: num_steps=5"):
        model.counterfactual(images, {}, options={"num_steps": 5})


def test_labels_to_draw_outside_the_training_range_are_warned_about(model):
    labels = model.encode(model.sample(1))
    labels[:, 0] = 500
    with pytest.warns(UserWarning, match="the angle to draw lies outside the range seen in training, .* to .* deg"):
        model.sample(labels, num_steps=1)
