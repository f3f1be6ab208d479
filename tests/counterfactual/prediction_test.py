"""The passes in which images are made, and self-correction, on a model whose every step can be done by hand."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from by_hand import GRAPH, MISREAD, NAN, column, labels_in, network, read
from networks import SCHEDULE, SHAPE, small_network, small_trained

from cdae_jax.counterfactual import algorithm
from cdae_jax.counterfactual.prediction import Asking, predict
from cdae_jax.counterfactual.repairs import MAX_MISSING, sets_causes
from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.diffusion.grids import time_grid
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.model.network import Network

Z = jnp.array([[0.2, 0.5, 1.0]])  # cause 0.2, u_effect 0.3, class 0
CAUSE = [0.4, NAN, NAN]


def shown(net, z, y_do, times, labels_in=labels_in):
    """The latents [B, 3] in the image made at the end from z [B, 3]."""
    z = jnp.asarray(z)[..., None]
    x, may_correct = net.draft(z, None, (1, 3, 1)), sets_causes(net.graph, jnp.asarray(y_do))
    asking = Asking(partial(labels_in, net), may_correct, times, is_any_known=False)
    return read(predict(net, x, z, z, jnp.zeros(len(z), jnp.int32), jnp.arange(2), None, Sampling(2), asking))


def test_the_misreading_of_the_factual_image_is_mended_by_that_of_the_counterfactual():
    # Right about u, since effect and cause are misread alike; what is made is right, and read too high.
    z_cf = [[0.4, 0.7, 1.0]]
    np.testing.assert_allclose(shown(MISREAD, z_cf, [CAUSE], 0), z_cf, rtol=1e-6)
    np.testing.assert_allclose(shown(MISREAD, z_cf, [CAUSE], 1), [[0.3, 0.6, 1.0]], rtol=1e-6)
    # Of a number that is neither set nor moved: it comes back to what it was.
    numbers_alone = network(misread=(0.1, 0.1, 0.1), graph=CausalGraph((*GRAPH.variables[:2], Variable("other"))))
    np.testing.assert_allclose(shown(numbers_alone, [[0.4, 0.7, 0.1]], [CAUSE], 1), [[0.3, 0.6, 0.0]], atol=1e-6)


def test_what_the_decoder_fails_to_show_is_asked_for_on_top():
    net, z_cf = network(misdrawn=0.2), [[0.4, 0.7, -1.0]]
    found = [shown(net, z_cf, [CAUSE], times)[0] for times in range(3)]
    np.testing.assert_allclose(found, [[0.2, 0.5, -1.2], [0.4, 0.7, -1.2], [0.4, 0.7, -1.2]], rtol=1e-5)


def test_each_time_no_more_than_a_bound_is_asked_for():
    net = network(misread=(2.0, 2.0, 0.0))
    found = [shown(net, [[0.4, 0.7, 1.0]], [CAUSE], times)[0, 0] for times in range(3)]
    np.testing.assert_allclose(found, [0.4, 0.4 - MAX_MISSING, 0.4 - 2 * MAX_MISSING], rtol=1e-5)


@pytest.mark.parametrize("times", [0, 1, 2])
def test_images_are_read_for_the_next_alone(times):
    reads = []

    def counted(net, x):
        jax.debug.callback(lambda: reads.append(x.shape))
        return labels_in(net, x)

    shown(MISREAD, Z, [CAUSE], times, counted)
    jax.effects_barrier()
    assert len(reads) == times


@pytest.mark.parametrize("y_do", [[NAN, 0.4, NAN], [0.4, 0.4, NAN], [NAN, NAN, NAN]])
def test_nothing_is_asked_again_of_images_unlike_the_data_nor_where_nothing_was_set(y_do):
    np.testing.assert_array_equal(shown(MISREAD, Z, [y_do], 2), shown(MISREAD, Z, [y_do], 0))


def test_each_image_is_corrected_by_itself():
    other = [NAN, 0.4, NAN]
    both = shown(MISREAD, jnp.repeat(Z, 2, 0), [CAUSE, other], 1)
    np.testing.assert_array_equal(both[:1], shown(MISREAD, Z, [CAUSE], 1))
    np.testing.assert_array_equal(both[1:], shown(MISREAD, Z, [other], 0))
    assert (both[0] != both[1]).any()


@pytest.fixture(scope="module")
def trained(one_device_alone):
    return small_trained()


def test_a_trained_model_is_told_how_often(trained):
    images = np.random.default_rng(0).integers(0, 256, (4, *SHAPE), np.uint8)
    plain, corrected = (trained.counterfactual(images, {"angle": 20.0}, corrections=times) for times in (0, 1))
    assert (plain.images != corrected.images).any()
    np.testing.assert_array_equal(plain.labels, corrected.labels)  # what is wanted stays


@pytest.mark.parametrize(
    ("do", "asked"), [({"angle": 20.0, "light": 90.0}, 2), ({"angle": 20.0, "length": 6.0}, 0), ({}, 0)]
)
def test_none_is_made_where_nothing_is_asked_for_again(trained, monkeypatch, do, asked):
    seen = []

    def stub(net, x, *others):
        seen.append(int(others[-1]))
        return algorithm.Counterfactual(x, *[jnp.zeros((len(x), 4, 4))] * 3)

    monkeypatch.setattr(algorithm, "counterfactual", stub)
    trained.counterfactual(np.zeros((1, *SHAPE), np.uint8), do, corrections=2)
    assert seen == [asked]


def test_where_labels_are_known_the_made_image_may_be_misread_as_the_factual_one_is():
    given = column([0.2, 0.5, 1.0]), jnp.array([CAUSE]), jnp.zeros(1, jnp.int32), jnp.arange(2), jax.random.key(0)
    known = algorithm.counterfactual(MISREAD, *given, Sampling(2, corrections=1), y=jnp.array([[0.2, 0.5, NAN]]))
    np.testing.assert_allclose(read(known.x)[0, :2], [0.4, 0.7], rtol=1e-6)  # as drawn at first, which was right


@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_number_of_corrections_that_is_traced_means_the_same(times):
    given = column([0.2, 0.5, 1.0]), jnp.array([CAUSE]), jnp.zeros(1, jnp.int32), jnp.arange(2), jax.random.key(0)
    said = algorithm.counterfactual(MISREAD, *given, Sampling(2, corrections=times))
    unknown = jnp.full((1, 3), NAN)
    traced = algorithm.counterfactual(
        MISREAD, *given, Sampling(2, corrections=1), y=unknown, corrections=jnp.int32(times)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), traced, said)


@pytest.mark.parametrize(("guidance", "asked"), [(1.0, True), (2.0, False), (0.0, False)])
def test_none_is_asked_for_under_another_guidance_than_that_of_the_inversion(guidance, asked):
    def made(corrections):
        sampling = Sampling(2, guidance=guidance, corrections=corrections)
        given = column([0.2, 0.5, 1.0]), jnp.array([CAUSE]), jnp.zeros(1, jnp.int32), jnp.arange(2), jax.random.key(0)
        return read(algorithm.counterfactual(MISREAD, *given, sampling).x)[0]

    np.testing.assert_allclose(made(0), [0.4, 0.7, 1.1], rtol=1e-6)
    np.testing.assert_allclose(made(1), [0.3, 0.6, 1.1] if asked else made(0), rtol=1e-6)
    assert dataclasses.replace(Sampling(2, guidance=guidance), corrections=1).evaluations == (
        Sampling(2, guidance=guidance).evaluations + 2 * asked
    )


def test_the_made_image_is_read_as_the_factual_one_with_labels_fitted_to_it():
    """What the encoder misreads and the fit mends is not missing."""

    def made(corrections, fit_steps):
        sampling = Sampling(2, corrections=corrections, fit_steps=fit_steps)
        x = jnp.repeat(column([0.2, 0.5, 1.0]), 600, axis=1)
        given = x, jnp.array([CAUSE]), jnp.zeros(1, jnp.int32), jnp.arange(2), jax.random.key(0)
        return np.asarray(read(algorithm.counterfactual(MISREAD, *given, sampling).x))[0, :2]

    np.testing.assert_allclose(made(1, 20), made(0, 20), atol=0.01)
    assert np.abs(made(1, 0) - made(0, 0)).max() > 0.09


def test_a_program_holds_each_network_no_more_often_than_it_must(monkeypatch):
    """The UNet once, whatever an image passes; what reads an image twice, for the given one and for the made ones."""
    traced, net = [], small_network("refiner")

    def count(name):
        plain = getattr(Network, name)
        monkeypatch.setattr(Network, name, lambda *given, **how: traced.append(name) or plain(*given, **how))

    count("denoise")
    count("encode")
    x, y, t = jnp.zeros((2, *SHAPE)), jnp.zeros((2, 4)), jnp.asarray(time_grid(SCHEDULE, 3))
    sampling = Sampling(3, abduction="restore", solver="dpm_solver", corrections=2, fit_steps=2)
    given = net, x, y, jnp.zeros(2, jnp.int32), t, jax.random.key(0), sampling
    jax.eval_shape(lambda y: algorithm.counterfactual(*given, y=y, corrections=jnp.int32(1)), y)
    assert sorted(traced) == ["denoise", "encode", "encode"]
