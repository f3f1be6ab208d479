"""What is computed of checked arrays: batches, compiled programs, noise, style and samples."""

import jax.numpy as jnp
import numpy as np
import pytest
from class_effects import ON, STATE, log_p, off_by
from class_effects import trained as trained_with_classes
from networks import small_trained

import cdae_jax
from cdae_jax.counterfactual import algorithm
from cdae_jax.data.labels import LabelStats
from cdae_jax.errors import InputError
from cdae_jax.inference.trained_model import TrainedModel


def test_batches_of_any_size_on_any_devices_give_the_same(model, trained_pendulum, images, monkeypatch):
    many, do = np.concatenate([images, images[::-1][:3]]), {"light": 100.0}
    whole = model.counterfactual(many, do)
    on_eight = cdae_jax.load(trained_pendulum)
    monkeypatch.setattr("cdae_jax.inference.batches.BATCHES", (2,))  # 16 images a call on the 8 devices
    result = on_eight.counterfactual(many, do)
    assert result.images.shape[0] == 19
    assert np.abs(result.images.astype(int) - whole.images).max() <= 1
    np.testing.assert_allclose(result.labels, whole.labels, rtol=1e-4)


def test_other_variables_values_strengths_depths_labels_and_corrections_compile_nothing_anew(model, images):
    model.counterfactual(images, {"angle": 30.0}, corrections=1)
    before = algorithm.counterfactual._cache_size()
    model.counterfactual(images, {"light": 80.0}, strength=0.25, corrections=2)
    model.counterfactual(images, {"light": 80.0, "length": 5.0}, depth=0.5, corrections=1)
    model.counterfactual(images, {}, labels={"light": 80.0}, corrections=3)
    assert algorithm.counterfactual._cache_size() == before


def test_noise_abduction_of_little_depth_stays_near_the_image_and_follows_the_seed(model, images):
    def made(depth, seed=0):
        return model.reconstruct(images, abduction="noise", depth=depth, seed=seed).astype(int)

    near, far = (np.abs(made(depth) - images).mean() / 127.5 for depth in (0.02, 0.9))
    assert near < 0.1 < far
    np.testing.assert_array_equal(made(0.9), made(0.9))
    assert (made(0.9) != made(0.9, seed=1)).any()


def test_the_noise_of_an_image_is_what_z_does_not_explain(model, images):
    x_T = np.asarray(model.noise(images))
    assert x_T.shape == images.shape and np.isfinite(x_T).all()
    shallow = np.asarray(model.noise(images, depth=0.01, num_steps=1))  # next to nothing was added
    assert np.abs(shallow - (images.astype(np.float32) / 127.5 - 1)).mean() < 0.1 < np.abs(x_T - shallow).mean()


def test_samples_have_the_wanted_labels_or_new_ones(model):
    labels = model.stats.rows[:3]
    result = model.sample(labels)
    np.testing.assert_allclose(result.labels, labels, rtol=1e-3, atol=1e-2)
    many = model.sample(40, seed=1)
    assert many.images.shape == (40, *model.image_shape)
    assert len(np.unique(many.labels[:, 0])) > 20
    np.testing.assert_array_equal(many.images, model.sample(40, seed=1).images)
    assert (many.images != model.sample(40, seed=2).images).any()


def test_nothing_is_drawn_where_no_image_had_all_labels(model):
    gaps = LabelStats(**vars(model.stats) | {"rows": model.stats.rows[:0]})
    unlabelled = TrainedModel(model.settings, model.model, model.params, gaps, model.image_shape, model.step)
    with pytest.raises(InputError, match="no training image has a label of every variable: give sample"):
        unlabelled.sample(2)


def test_drawn_classes_follow_from_the_causes_drawn():
    trained = trained_with_classes()
    drawn = trained.sample(1_000, seed=3).labels
    z = trained.network.codes(jnp.asarray(trained.stats.standardise(drawn)))
    for i in (ON, STATE):
        p = np.exp(log_p(trained.params["params"]["scm"], i, z))
        assert off_by(drawn[:, i], p) < 3.5 < 5 < off_by(trained.stats.rows[:, i], p)


def test_style_is_read_given_the_latents_and_shows_in_x_T(images):
    styled = small_trained("refiner", style_dim=3)
    x = images[:4]
    z, unit = jnp.asarray(styled.latents(x)[1]), jnp.asarray(x / 127.5 - 1, jnp.float32)
    style = styled.style(x)
    np.testing.assert_allclose(style, styled.network.read_style(unit, z)[0], atol=1e-4)
    assert style.shape == (4, 3) and style.std(0).min() > 1e-3
    t, context = styled.steps(styled.options()), jnp.zeros(4, jnp.int32)
    for of, is_same in ((style, True), (style[::-1], False)):
        net = styled.network.replace(style=jnp.asarray(of))
        x_T = algorithm.invert(net, unit, z, context, t, styled.options().solver)
        assert np.allclose(styled.noise(x), x_T, atol=1e-3) == is_same
    assert small_trained("refiner").style(x).shape == (4, 0)
