"""Labels fitted to an image through the draft: least squares, its limits, and what it gives an intervention."""

import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from by_hand import GRAPH, NAN, Effect, column, network, read
from networks import SHAPE, small_trained

from cdae_jax.counterfactual import algorithm
from cdae_jax.counterfactual.label_fit import ALIKE, FARTHEST, VALUES, fit_labels
from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.model.scm import Conditional

ALL, NONE = jnp.ones((1, 3), bool), jnp.zeros((1, 3), bool)
SLOPES = np.random.default_rng(0).normal(size=(3, 40)).astype(np.float32)
fit = jax.jit(functools.partial(fit_labels, implied=NONE, prior_sd=0.05), static_argnames="draft")


def linear(y):
    return y @ jnp.asarray(SLOPES)


def curved(y):
    """Many pixels."""
    return jnp.tile(jnp.tanh(linear(y)), 20)


def wide(y):
    """So many pixels that no distance counts against them."""
    return jnp.tile(linear(y), 3000)


def nothing(y):
    return jnp.zeros((len(y), 40))


def turning(y):
    """Its slopes mislead: it turns where the labels are."""
    return jnp.repeat(jnp.where(y > 0, -y, y), 20, axis=1)


def bars(y):
    """A bar for each label, at the place that it says: from afar, slopes say nothing."""
    places = jnp.linspace(-4, 4, 200)[None, None]
    return jnp.tile(jnp.exp(-(((places - y[..., None]) / 0.3) ** 2)).reshape(len(y), -1), 10)


def test_a_linear_draft_is_fitted_as_by_ridge_regression():
    rng = np.random.default_rng(1)
    y, off = (rng.normal(size=(5, 3)).astype(np.float32) * scale for scale in (1.0, 0.05))
    x = (y + off) @ SLOPES + 0.02 * rng.normal(size=(5, 40)).astype(np.float32)
    found = fit(linear, x, y, ALL, num_steps=1)
    for row in range(5):
        left = x[row] - y[row] @ SLOPES
        ridge = ALIKE * np.mean(left**2) / 0.05**2
        moved = np.linalg.solve(SLOPES @ SLOPES.T + ridge * np.eye(3), SLOPES @ left)
        np.testing.assert_allclose(found[row], y[row] + moved, atol=2e-5)


def test_many_steps_end_where_the_misfit_and_the_distance_balance():
    """By the noise that is left at the end, not that of the first step."""
    rng = np.random.default_rng(3)
    y = rng.normal(size=(5, 3)).astype(np.float32)
    x = (y + 0.05) @ SLOPES + 0.3 * rng.normal(size=(5, 40)).astype(np.float32)
    moved = np.asarray(fit(linear, x, y, ALL, num_steps=50), float) - y
    left = x.astype(float) - (y.astype(float) + moved) @ SLOPES
    ridge = ALIKE * np.mean(left**2, -1, keepdims=True) / 0.05**2
    np.testing.assert_allclose(left @ SLOPES.T, ridge * moved, rtol=1e-3, atol=1e-3)


def test_labels_misread_come_back_to_those_that_drew_the_image():
    true, off = np.random.default_rng(2).normal(size=(2, 64, 3)).astype(np.float32)
    true = 0.3 * true
    x = curved(true)
    misread = true + 0.05 * off
    gaps = [np.abs(fit(curved, x, misread, ALL, num_steps=steps) - true).mean() for steps in (0, 1, 3)]
    assert gaps[0] > 0.03 and gaps[1] < 0.2 * gaps[0] and gaps[2] < 0.05 * gaps[0]
    fixed = fit(curved, x, misread, jnp.array([True, False, True]), num_steps=3)
    np.testing.assert_array_equal(fixed[:, 1], misread[:, 1])
    assert (fixed[:, 0] != misread[:, 0]).all()


def test_what_the_draft_cannot_explain_moves_nothing_and_no_label_goes_far():
    x, y = np.random.default_rng(0).normal(size=(4, 40)).astype(np.float32), np.zeros((4, 3), np.float32)
    np.testing.assert_array_equal(fit(nothing, x, y, ALL, num_steps=2), y)
    far = fit(wide, wide(y + 1.0), y, ALL, num_steps=5)
    np.testing.assert_allclose(far, FARTHEST * 0.05, rtol=1e-5)


def test_what_a_draft_leaves_alike_in_neighbouring_pixels_makes_no_reading_worse():
    """Slopes and remainder are smooth, as of images: counting every pixel, the fit would double the error."""
    rng, basis = np.random.default_rng(4), np.repeat(np.eye(10), 40, 1).astype(np.float32)
    slopes = rng.normal(size=(3, 10)).astype(np.float32) @ basis
    true, off = rng.normal(size=(2, 256, 3)).astype(np.float32)
    x = true @ slopes + 0.4 * rng.normal(size=(256, 10)).astype(np.float32) @ basis
    misread = true + 0.05 * off
    found = fit(lambda y: y @ jnp.asarray(slopes), x, misread, ALL, num_steps=2)
    assert np.sqrt(np.mean((found - true) ** 2)) < 0.05


@pytest.mark.parametrize("steps", range(1, 6))
def test_a_fit_that_explains_the_image_less_is_not_kept(steps):
    y = jnp.full((1, 3), -0.001)  # the secants go over the edge
    x = turning(jnp.full((1, 3), -0.1)) + 0.1
    found = fit(turning, x, y, ALL, num_steps=steps)
    left, before = (float(jnp.sum((x - turning(at)) ** 2)) for at in (found, y))
    assert left <= before


def test_effects_follow_from_what_was_fitted():
    net = network(misread=(0.1, -0.1, 0.0))
    given = column([0.2, 0.5, 1.0], 64), jnp.array([[0.4, NAN, NAN]]), jnp.zeros(1, jnp.int32)  # u_effect 0.3
    for steps, effect, atol in ((0, 0.5, 1e-6), (4, 0.7, 2e-3)):
        sampling = Sampling(2, fit_steps=steps)
        found = algorithm.counterfactual(net, *given, jnp.arange(2), jax.random.key(0), sampling)
        np.testing.assert_allclose(read(found.x), [[0.4, effect, 1.0]], atol=atol)
    np.testing.assert_allclose(found.u[0, :, 0], [0.2, 0.3, 1.0], atol=2e-3)
    np.testing.assert_array_equal(found.z[0, 2], [1.0])  # a class does not move


def test_what_is_encoded_predicted_and_made_are_of_the_same_fit(one_device_alone):
    model = small_trained("conv")
    images, do, shift = (
        np.random.default_rng(0).integers(0, 256, (2, *SHAPE), np.uint8),
        {"angle": 5.0},
        {"angle": "+5"},
    )
    found = {}
    for steps in (0, 2):
        made = model.counterfactual(images, do, fit_steps=steps)
        found[steps] = model._physical(model.latents_under(images, do, fit_steps=steps)[2])
        np.testing.assert_allclose(made.labels, found[steps], rtol=1e-4, atol=1e-3)
        encoded = model.encode(images, fit_steps=steps)[:, 0]
        shifted = model._physical(model.latents_under(images, shift, fit_steps=steps)[2])
        for labels in (shifted, model.counterfactual(images, shift, fit_steps=steps).labels):
            np.testing.assert_allclose(labels[:, 0], encoded + 5, rtol=1e-5, atol=1e-3)
    assert np.abs(found[0] - found[2]).max() > 0.01
    model.defaults = model.options(fit_steps=2)
    np.testing.assert_array_equal(model.predict(images, do), found[2])
    alone = np.concatenate([model.encode(images[:1]), model.encode(images[1:])])
    np.testing.assert_allclose(model.encode(images), alone, rtol=1e-4, atol=1e-3)


def test_what_is_known_is_not_moved_and_the_rest_is_fitted_beside_it():
    rng = np.random.default_rng(5)
    true = rng.normal(size=(5, 3)).astype(np.float32)
    y = true + np.float32([0, 0.05, 0.05])  # the first label is known, in the first two images
    movable = jnp.ones((5, 3), bool).at[:2, 0].set(False)
    found = fit(wide, wide(true), y, movable, num_steps=3)
    np.testing.assert_array_equal(found[:2, 0], y[:2, 0])
    np.testing.assert_allclose(found, true, atol=2e-3)


def test_a_known_label_is_kept_while_the_others_of_the_image_are_fitted():
    """By hand: the encoder misreads cause and effect; the cause is known."""
    net = network(misread=(0.04, 0.04, 0.0))
    x = column([0.5, 0.8, 1.0], height=20)
    y = jnp.asarray([[0.5, NAN, NAN]], jnp.float32)
    _, z, _ = algorithm.latents(net, x, jnp.full((1, 3), NAN), jnp.zeros(1, jnp.int32), None, y, fit_steps=3)
    np.testing.assert_allclose(z[0, :2, 0], [0.5, 0.8], atol=5e-3)


@pytest.mark.parametrize("implied", [[False, True, False], [True, True, True]])
def test_implied_labels_are_found_far_from_where_they_are_read(implied):
    rng, implied = np.random.default_rng(6), np.array([implied])
    true, elsewhere = rng.uniform(-2.5, 2.5, (2, 64, 3)).astype(np.float32)
    read = np.where(implied & (np.arange(64) % 2 == 0)[:, None], elsewhere, true)  # in every other image
    x = bars(true)
    np.testing.assert_allclose(fit(bars, x, read, ALL, implied=implied, num_steps=3), true, atol=0.01)
    near = np.abs(np.asarray(fit(bars, x, read, ALL, num_steps=3)) - read)
    assert near.max() <= FARTHEST * 0.05 + 1e-6 and np.abs(read - true).max() > 3
    rows = np.broadcast_to(implied, true.shape) & (np.arange(64) % 4 == 0)[:, None]  # of each image by itself
    mixed = np.asarray(fit(bars, x, read, ALL, implied=rows, num_steps=3))
    np.testing.assert_allclose(mixed[::4], true[::4], atol=0.01)
    alone = np.asarray(fit(bars, x[2::4], read[2::4], ALL, num_steps=3))
    np.testing.assert_allclose(mixed[2::4], alone, atol=1e-5)


def test_no_label_is_taken_from_afar_that_leaves_most_of_an_image_unexplained():
    true = np.random.default_rng(7).uniform(-2, 2, (16, 3)).astype(np.float32)
    read = true.copy()
    read[:, 1] += 1.5
    odd = bars(true) + jnp.sign(jnp.sin(jnp.arange(6000.0)))[None]
    far = jnp.array([[False, True, False]])
    found = fit(bars, odd, read, ALL, implied=far, num_steps=2)
    assert np.abs(found - read).max() <= FARTHEST * 0.05 + 1e-6
    np.testing.assert_array_equal(fit(nothing, odd[:, :40], read, ALL, implied=far, num_steps=2), read)


FIT = 3 + 1 + 2  # drafts of two steps
CALLS = []


def counted(y):
    jax.debug.callback(lambda: CALLS.append(1))
    return bars(y)


@pytest.mark.parametrize(
    ("implied", "off", "expected"),
    [
        ([False, False, False], 0, FIT),
        ([False, True, False], 0, 1 + VALUES + FIT),
        ([False, True, False], 2, 1 + VALUES + 3 * FIT),
        ([False, True, True], 0, 1 + 2 * VALUES + FIT),
        ([False, True, True], 2, 2 * (1 + 2 * VALUES) + 3 * FIT),
    ],
)
def test_looking_for_labels_costs_as_many_drafts_as_are_stated(implied, off, expected):
    CALLS.clear()
    y = jnp.array([[0.1, 0.2, 0.3]])
    fit(counted, bars(y + jnp.array([[0.0, float(off), 0.0]])), y, ALL, implied=jnp.array([implied]), num_steps=2)
    jax.effects_barrier()
    assert len(CALLS) == expected


SET = [0.2, 0.9, 1.0]  # an effect that its cause of 0.2 would have made 0.2


def made_of_a_set_effect(y_do, known=(NAN, NAN, NAN), noise=0.02, corrections=2):
    net = network(noise=noise, infers=True)
    given = column(SET, height=400), jnp.array([y_do]), jnp.zeros(1, jnp.int32), jnp.arange(2), jax.random.key(0)
    sampling = Sampling(2, fit_steps=2, corrections=corrections)
    return algorithm.counterfactual(net, *given, sampling, y=jnp.array([known]))


def test_an_effect_that_was_set_is_read_from_the_image_and_not_from_its_cause():
    undone = made_of_a_set_effect([NAN, 0.2, NAN])
    np.testing.assert_allclose(undone.z[0, :, 0], SET, atol=2e-3)
    np.testing.assert_allclose(read(undone.x), [[0.2, 0.2, 1.0]], atol=2e-3)
    free = made_of_a_set_effect([NAN, 0.2, NAN], noise=0.3)  # of which its cause leaves something open
    assert abs(free.z[0, 1, 0] - 0.2) <= FARTHEST * 0.05 + 1e-6


@pytest.mark.parametrize(("effect", "expected"), [(0.2, False), (0.3, False), (0.45, True), (-0.05, True)])
def test_an_effect_far_from_what_its_causes_imply_breaks_its_mechanism(effect, expected):
    z = jnp.array([[[0.2], [effect], [1.0]]])
    np.testing.assert_array_equal(algorithm.breaks_mechanism(network(noise=0.05), z), [expected])
    np.testing.assert_array_equal(algorithm.breaks_mechanism(network(noise=0.3), z), [False])


@pytest.mark.parametrize("known", [(NAN, NAN, NAN), (NAN, 0.9, NAN), (0.2, 0.9, NAN)])
def test_an_image_whose_effect_was_set_is_not_corrected_by_what_is_read_from_causes(known):
    np.testing.assert_allclose(read(made_of_a_set_effect([0.4, NAN, NAN], known).x), [[0.4, 1.1, 1.0]], atol=5e-3)


class Saturating(Effect):
    """Its noise vanishes for causes above a bound, as where a grey is at its brightest."""

    def __init__(self, bound):
        object.__setattr__(self, "bound", bound)

    def conditionals(self, z):
        noise = jnp.where(z[:, :1] > self.bound, 0.02, 0.5)
        is_effect = (jnp.arange(3) == 1)[None, :, None]
        return Conditional(jnp.where(is_effect, z[:, :1], 0), jnp.where(is_effect, jnp.log(noise), 0))


@pytest.mark.parametrize(("bound", "expected"), [(-5.0, True), (-0.5, True), (0.5, False), (5.0, False)])
def test_a_label_is_implied_if_causes_determine_it_in_most_images(bound, expected):
    scm = Saturating(bound)
    net = types.SimpleNamespace(graph=GRAPH, codes=lambda y: y[..., None], conditionals=scm.conditionals)
    np.testing.assert_array_equal(algorithm.is_implied(net), [False, expected, False])


@pytest.mark.parametrize(("noise", "expected"), [(0.05, True), (0.2, False)])
def test_no_root_and_no_class_is_implied(noise, expected):
    np.testing.assert_array_equal(algorithm.is_implied(network(noise=noise)), [False, expected, False])


def test_a_tenth_of_the_misfit_is_the_least_that_an_image_gains_however_many_its_pixels():
    """A draft that says little of an image: its best value explains a twentieth."""
    true = np.random.default_rng(8).uniform(-2, 2, (8, 3)).astype(np.float32)
    read = true.copy()
    read[:, 1] += 2
    x = jnp.repeat(bars(true), 4, axis=1)
    odd = x + jnp.tile(jnp.array([0.8, -0.8]), x.shape[1] // 2)[None]
    left = [float(jnp.sum((odd - jnp.repeat(bars(y), 4, axis=1)) ** 2)) for y in (read, true)]
    assert 0.9 < left[1] / left[0] < 0.97
    found = fit(
        lambda y: jnp.repeat(bars(y), 4, axis=1), odd, read, ALL, implied=jnp.array([[False, True, False]]), num_steps=1
    )
    assert np.abs(found - read).max() <= FARTHEST * 0.05 + 1e-6
