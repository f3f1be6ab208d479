"""Asking again for what the encoder misses in a counterfactual, on a model whose every step can be done by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cdae_jax
from cdae_jax.counterfactual import algorithm as core
from cdae_jax.counterfactual.algorithm import ABDUCTIONS, MAX_MISSING, counterfactual
from cdae_jax.data.pipeline import make_dataset
from cdae_jax.diffusion.guidance import Strength
from cdae_jax.diffusion.solvers import evaluations
from cdae_jax.graph import CausalGraph, Variable

pytestmark = pytest.mark.usefixtures("one_device_alone")

SHOWN = 0.8  # grey of a pixel for a label of 1
NAN = np.nan
GRAPH = CausalGraph(
    (Variable("cause"), Variable("effect", parents=("cause",)), Variable("kind", kind="categorical", classes=2))
)


@dataclasses.dataclass(frozen=True)
class ByHand:
    """cause -> effect = cause + u_effect, and a class of its own. The encoder reads everything `misread` too high, and
    the decoder shows everything `misdrawn` too low."""

    misread: float = 0.1
    misdrawn: float = 0.0
    decoder: str = "conv"
    prior: str = "fixed"
    block_dim: int = 1
    graph: CausalGraph = GRAPH

    def apply(self, _, x, *inputs, method):
        if method == "encode":
            read = x[:, 0, :, :] / SHOWN + self.misread
            return read.at[:, 1].add(-read[:, 0]), None
        if method == "decode":
            return SHOWN * (x[:, None] - self.misdrawn)
        if method == "propagate":
            do = inputs[0] if inputs else None
            cause = x[:, 0] if do is None else do.set(0, x[:, 0])
            effect = cause + x[:, 1]
            return jnp.stack([cause, effect if do is None else do.set(1, effect), x[:, 2]], 1)
        assert method == "prior_of"
        return x[..., None], None


def made(x, y_do, corrections, model=ByHand()):
    given = (jnp.asarray(value, jnp.float32) for value in (x, y_do))
    x, y_do = next(given)[:, None, :, None], next(given)
    key, t, context = jax.random.key(0), jnp.arange(2), jnp.zeros(len(x), jnp.int32)
    found = counterfactual(model, {}, None, x, y_do, context, key, t, corrections=corrections)
    return np.asarray(found.x)[:, 0, :, 0]


FACTUAL = SHOWN * np.array([[0.2, 0.5, 0.0]])  # cause 0.2, u_effect 0.3, class 0


def test_the_misreading_of_the_factual_image_is_mended_by_that_of_the_counterfactual():
    # Right about u, since effect and cause are misread alike; what is made is right, and read too high.
    once, again = (made(FACTUAL, [[0.4, NAN, NAN]], n)[0] / SHOWN for n in range(2))
    np.testing.assert_allclose(once, [0.4, 0.7, 0.1], rtol=1e-6)
    np.testing.assert_allclose(again, [0.3, 0.6, 0.1], rtol=1e-6)  # a class is not asked for again
    # Of a number that is neither set nor moved: it comes back to what it was.
    numbers = ByHand(graph=CausalGraph((*GRAPH.variables[:2], Variable("other"))))
    np.testing.assert_allclose(made(FACTUAL, [[0.4, NAN, NAN]], 1, numbers)[0] / SHOWN, [0.3, 0.6, 0.0], atol=1e-6)


def test_what_the_decoder_fails_to_show_is_asked_for_on_top():
    model = ByHand(misread=0.0, misdrawn=0.2)
    factual = SHOWN * np.array([[0.2, 0.5, 0.6]])  # of class 1, made so that it is read as 0: left as it is
    found = [made(factual, [[0.4, NAN, NAN]], n, model)[0] / SHOWN for n in range(3)]
    np.testing.assert_allclose(found, [[0.2, 0.5, 0.4], [0.4, 0.7, 0.4], [0.4, 0.7, 0.4]], rtol=1e-5)


def test_each_time_no_more_than_a_bound_is_asked_for():
    model = ByHand(misread=2.0)
    found = [made(FACTUAL, [[0.4, NAN, NAN]], n, model)[0, 0] / SHOWN for n in range(3)]
    np.testing.assert_allclose(found, [0.4, 0.4 - MAX_MISSING, 0.4 - 2 * MAX_MISSING], rtol=1e-5)


@pytest.mark.parametrize("y_do", [[NAN, 0.4, NAN], [0.4, 0.4, NAN], [NAN, NAN, NAN]])
def test_nothing_is_asked_again_of_images_unlike_the_data_nor_where_nothing_was_set(y_do):
    np.testing.assert_array_equal(made(FACTUAL, [y_do], 2), made(FACTUAL, [y_do], 0))


def test_each_image_is_corrected_by_itself():
    both = made(np.repeat(FACTUAL, 2, 0), [[0.4, NAN, NAN], [NAN, 0.4, NAN]], 1)
    np.testing.assert_array_equal(both[:1], made(FACTUAL, [[0.4, NAN, NAN]], 1))
    np.testing.assert_array_equal(both[1:], made(FACTUAL, [[NAN, 0.4, NAN]], 0))


def test_what_is_exaggerated_is_the_corrected_change_from_latents_that_are_not_corrected(monkeypatch):
    decoded_from = []

    def decoder_from(*_):
        return lambda zs: decoded_from.append([np.asarray(z)[0, :, 0] for z in zs]) or SHOWN * zs[-1][:, None]

    monkeypatch.setattr(core, "decoder_from", decoder_from)
    strength = Strength(part=jnp.ones(3), beyond=jnp.array([0]), by=jnp.array([1.5]))
    x, y_do = jnp.asarray(FACTUAL, jnp.float32)[:, None, :, None], jnp.array([[0.5, NAN, NAN]])
    given = ByHand(decoder="diffusion"), {}, None, x, y_do, jnp.zeros(1, jnp.int32), jax.random.key(0), jnp.arange(2)
    counterfactual.__wrapped__(*given, None, strength, corrections=1)
    (asked,), (without, within) = decoded_from
    np.testing.assert_allclose(asked, [0.5, 0.8, 0.1], rtol=1e-6)
    np.testing.assert_allclose(without, [0.3, 0.6, 0.1], rtol=1e-6)  # as the encoder reads the factual image
    np.testing.assert_allclose(within, [0.4, 0.7, 0.1], rtol=1e-6)  # 0.5 and 0.8 less the misreading


def test_a_trained_model_is_told_how_often(trained_pendulum):
    model = cdae_jax.load(trained_pendulum)
    images = make_dataset(model.settings.data, model.settings.graph).test.images[:4]
    asked = [model.counterfactual(images, {"angle": 20.0}, corrections=n) for n in (0, 1)]
    assert (asked[0].images != asked[1].images).any()
    np.testing.assert_array_equal(asked[0].labels, asked[1].labels)  # what is wanted stays
    # Exaggeration starts from what was corrected: barely above 1 it is at what was corrected at 1, not at what was not.
    plain, corrected, beyond = (
        model.counterfactual(images, {"angle": 20.0}, corrections=n, strength=w).images.astype(int)
        for n, w in ((0, 1.0), (2, 1.0), (2, 1.001))
    )
    assert np.abs(corrected - beyond).max() <= 1 < np.abs(corrected - plain).max()
    for do, options in (({"length": 6.0}, {}), ({"angle": 20.0}, {"guidance": 2.0})):
        one, two = (model.counterfactual(images, do, corrections=n, **options).images for n in (0, 1))
        np.testing.assert_array_equal(one, two)


def test_none_is_computed_where_nothing_is_asked_for_again(trained_pendulum, monkeypatch):
    model, asked = cdae_jax.load(trained_pendulum), []

    def stub(*given, corrections, **options):
        asked.append(corrections)
        x, z = given[3], jnp.zeros((len(given[3]), 4, 4))
        return core.Counterfactual(x, z, z, z)

    monkeypatch.setattr(core, "counterfactual", stub)
    for do in ({"angle": 20.0, "light": 90.0}, {"angle": 20.0, "length": 6.0}, {}):
        model.counterfactual(np.zeros((1, 16, 16, 3), np.uint8), do, corrections=2)
    assert asked == [2, 0, 0]


def test_each_costs_one_more_decoding():
    found = [evaluations("dpm_solver", 10, 1.0, abduction, 2) for abduction in ABDUCTIONS]
    assert found == [40, 50, 30] and evaluations("dpm_solver", 10, 2.0, "invert", 2) == 30
