"""Counterfactuals with draws: what is exact stays exact, what is uncertain spreads, and nothing changes without."""

import jax
import numpy as np
import pytest
from class_effects import GRAPH as CLASS_GRAPH
from class_effects import ON, STATE
from class_effects import trained as trained_with_classes
from devices import one_device
from networks import SHAPE, small_trained

from cdae_jax.counterfactual.uncertainty import Reading, Uncertainty
from cdae_jax.errors import InputError
from cdae_jax.inference.draws import Deviation, features_and_read

ANGLE, LIGHT, LENGTH, POSITION = range(4)


def off_by(model, sizes, members=3, wobble=0.0, swap=0.0):
    """Readings off by normal errors of these sizes [n], in standard deviations; classes are another with chance swap;
    mechanisms whose parameters wobble."""
    rng, n = np.random.default_rng(0), len(model.graph)
    z = model.latents(IMAGES)[1]
    num = features_and_read(model, z)[0].shape[1]
    most = max([2, *(var.classes for var in model.graph.variables)])
    confusion = np.tile((1 - swap) * np.eye(most) + swap * np.roll(np.eye(most), 1, 1), (n, 1, 1))
    zeros = np.zeros(n)
    reading = Reading(
        np.zeros(num),
        np.ones(num),
        np.zeros((num, n)),
        zeros,
        zeros,
        zeros,
        sizes * rng.normal(size=(500, n)),
        confusion,
    )
    copies = jax.tree.map(
        lambda leaf: np.stack([leaf + wobble * rng.normal(size=leaf.shape).astype(np.float32) for _ in range(members)]),
        jax.device_get(model.params["params"]["scm"]),
    )
    return Uncertainty(model.defaults.fit_steps, reading, copies)


IMAGES = np.random.default_rng(0).integers(0, 256, (5, *SHAPE)).astype(np.uint8)


@pytest.fixture(scope="module")
def model():
    with one_device():
        return small_trained("conv")


def test_sure_readings_and_mechanisms_leave_nothing_to_draw(model):
    model.uncertainty = off_by(model, np.zeros(4))
    told = model.counterfactual(IMAGES, {"angle": "+3"})
    drawn = model.counterfactual(IMAGES, {"angle": "+3"}, draws=3)
    np.testing.assert_array_equal(drawn.images, told.images)
    np.testing.assert_array_equal(drawn.labels, told.labels)
    assert drawn.image_sd.shape == IMAGES.shape and drawn.image_sd.max() <= 1  # of rounding to bytes
    np.testing.assert_allclose(drawn.spread.low, told.labels, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(drawn.spread.high, told.labels, rtol=1e-4, atol=1e-3)


def test_what_is_set_and_what_is_known_stays_and_descendants_spread(model):
    model.uncertainty = off_by(model, np.full(4, 0.3))
    drawn = model.counterfactual(IMAGES, {"angle": 10.0}, labels={"light": np.full(5, 90.0)}, draws=12)
    sd = drawn.spread.sd
    assert sd[:, [ANGLE, LIGHT]].max() < 1e-3 and (sd[:, [LENGTH, POSITION]] > 0.01).all()
    assert drawn.image_sd.max() > 1
    free = model.predict(IMAGES, {"angle": 10.0}, draws=12)
    assert (free.spread.sd[:, LIGHT] > 1).all()
    changed = model.predict(IMAGES, {"angle": "+5"}, draws=200)
    np.testing.assert_allclose(changed.spread.sd[:, ANGLE], 0.3 * model.stats.sd[ANGLE], rtol=0.2)


def test_labels_are_drawn_around_what_is_read(model):
    model.uncertainty = off_by(model, np.array([0.1, 0.2, 0.0, 0.4]))
    found = model.predict(IMAGES, {}, draws=400)
    np.testing.assert_allclose(
        found.spread.sd / model.stats.sd, np.tile([0.1, 0.2, 0, 0.4], (5, 1)), rtol=0.15, atol=1e-3
    )
    np.testing.assert_allclose((found.spread.low + found.spread.high) / 2, found.labels, atol=2.5)
    np.testing.assert_array_equal(found.labels, model.predict(IMAGES, {}))


def test_other_mechanisms_move_descendants_alone(model):
    model.uncertainty = off_by(model, np.zeros(4), wobble=0.2)
    sd = model.predict(IMAGES, {"angle": 10.0}, draws=6).spread.sd
    assert sd[:, [ANGLE, LIGHT]].max() < 1e-3 and (sd[:, [LENGTH, POSITION]] > 1e-3).all()
    null = model.predict(IMAGES, {}, draws=6).spread.sd  # abduction takes back what propagation adds
    assert null.max() < 1e-3


def test_labels_and_images_have_the_same_draws_and_a_seed_repeats_them(model):
    model.uncertainty = off_by(model, np.full(4, 0.3), wobble=0.1)
    do = {"light": 80.0}
    drawn, believed = model.counterfactual(IMAGES, do, draws=5), model.predict(IMAGES, do, draws=5)
    np.testing.assert_allclose(drawn.spread.low, believed.spread.low, rtol=1e-4, atol=1e-3)
    again, other = (model.predict(IMAGES, do, draws=5, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(again.spread.sd, believed.spread.sd)
    assert (other.spread.sd[:, LENGTH] != believed.spread.sd[:, LENGTH]).all()


def test_classes_have_the_share_of_draws_that_agree():
    with one_device():
        model = trained_with_classes()
        model.uncertainty = off_by(model, np.zeros(5), swap=0.25)
        found = model.predict(np.repeat(IMAGES, 20, 0), {}, draws=40)
    is_class = [var.classes > 0 for var in CLASS_GRAPH.variables]
    np.testing.assert_array_equal(np.isfinite(found.spread.sure).all(0), is_class)
    np.testing.assert_array_equal(np.isnan(found.spread.sd).all(0), is_class)
    np.testing.assert_allclose(found.spread.sure[:, [ON, STATE]].mean(0), 0.75, atol=0.03)


def test_draws_that_cannot_be_are_refused_before_any_work(model):
    model.uncertainty = off_by(model, np.zeros(4))
    for draws in (1, 0, 2.0, True, "16"):
        with pytest.raises(InputError, match="expected a whole number of at least 2"):
            model.counterfactual(IMAGES, {}, draws=draws)
    model.uncertainty = model.uncertainty._replace(fit_steps=2)
    with pytest.raises(InputError, match="fit_steps 0, and this model was calibrated with 2"):
        model.predict(IMAGES, {}, draws=4)
    model.uncertainty = None
    with pytest.raises(InputError, match="run cdae calibrate"):
        model.counterfactual(IMAGES, {}, draws=4)


def test_a_deviation_is_that_of_all_its_images():
    images = np.random.default_rng(1).integers(0, 256, (7, 2, 4, 4, 3)).astype(np.uint8)
    deviation = Deviation()
    for one in images:
        deviation.add(one)
    np.testing.assert_allclose(deviation.sd, images.std(0, ddof=1), rtol=1e-4)


def test_a_decoder_without_diffusion_has_no_noise_to_find(model):
    with pytest.raises(InputError, match="there is no noise to find: the conv decoder makes images of z alone"):
        model.noise(IMAGES)
