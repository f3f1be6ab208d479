"""A model with its parameters: what a decoder's output means with and without a draft, and what solvers are given."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from networks import SCHEDULE, SHAPE, silent, small_model, small_network

from cdae_jax.diffusion.process import eps_from_output, prediction_target, q_sample, signal_noise, x_0_from_eps
from cdae_jax.model import drafts
from cdae_jax.model.network import Network

CONTEXT = jnp.zeros(4, jnp.int32)
T = jnp.array([3, 300, 700, 999])
Z = jax.random.normal(jax.random.key(2), (4, 4, 4))
X_T = jax.random.normal(jax.random.key(5), (4, *SHAPE))


@functools.partial(jax.jit, static_argnames="null")
def eps_of(net, z, x_t, t, null=False):
    return net.eps_fn(z, CONTEXT, SHAPE, null=null)(x_t, t)


@pytest.fixture(scope="module")
def refiner():
    return small_network("refiner")


def test_it_passes_through_jit_as_one_argument_and_another_set_of_parameters_does_not_compile_anew(refiner):
    leaves, tree = jax.tree.flatten(refiner)
    again = jax.tree.unflatten(tree, leaves)
    assert (again.model, again.graph, again.decoder) == (refiner.model, refiner.model.graph, refiner.model.decoder)
    traced = []

    @jax.jit
    def encode(net, x):
        traced.append(1)
        return net.encode(x)[0]

    np.testing.assert_array_equal(encode(refiner, X_T), encode(again, X_T))
    halved = refiner.replace(params=jax.tree.map(lambda leaf: 0.5 * leaf, refiner.params))
    assert np.abs(encode(halved, X_T) - encode(refiner, X_T)).max() > 1e-3
    assert len(traced) == 1


def test_abduction_undoes_propagation_and_labels_are_read_back_from_their_codes(refiner):
    u, _ = refiner.encode(X_T)
    np.testing.assert_allclose(refiner.abduct(refiner.propagate(u)), u, atol=1e-5)
    y = jax.random.normal(jax.random.key(0), (4, 4))
    np.testing.assert_allclose(refiner.labels_of(refiner.codes(y)), y, atol=1e-6)


@pytest.mark.parametrize("prediction", ["eps", "v"])
def test_a_unet_that_says_zero_leaves_the_process_of_the_draft(refiner, prediction):
    """The remainder r is then estimated as for r_t alone."""
    net = silent(refiner).replace(model=small_model("refiner", prediction=prediction))
    draft, alpha_bar = jax.jit(lambda: net.draft(Z, CONTEXT, SHAPE))(), SCHEDULE.alpha_bar[T]
    x_0 = x_0_from_eps(X_T, eps_of(net, Z, X_T, T), alpha_bar)
    signal, _ = signal_noise(alpha_bar, 4)
    rest = X_T - signal * draft
    expected = {"eps": rest / signal, "v": signal * rest}[prediction]
    assert np.abs(draft).max() > 0.05
    np.testing.assert_allclose(x_0 - draft, expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("prediction", ["eps", "v"])
def test_adding_the_drafts_own_target_gives_the_images(prediction):
    x_0, draft, eps = jax.random.normal(jax.random.key(0), (3, 4, *SHAPE))
    alpha_bar = SCHEDULE.alpha_bar[T]
    of_rest = prediction_target(prediction, x_0 - draft, eps, alpha_bar)
    of_draft = prediction_target(prediction, draft, jnp.zeros_like(eps), alpha_bar)
    np.testing.assert_allclose(of_rest + of_draft, prediction_target(prediction, x_0, eps, alpha_bar), atol=1e-5)
    noisy_rest = q_sample(SCHEDULE, x_0, eps, T) - signal_noise(alpha_bar, 4)[0] * draft
    np.testing.assert_allclose(noisy_rest, q_sample(SCHEDULE, x_0 - draft, eps, T), atol=1e-5)


def test_the_null_condition_knows_no_z_and_no_draft(refiner):
    eps = [eps_of(refiner, jnp.full_like(Z, value), X_T, T, null) for null in (True, False) for value in (-1.0, 1.0)]
    np.testing.assert_array_equal(eps[0], eps[1])
    assert np.abs(eps[2] - eps[3]).max() > 1e-3


def test_a_draft_is_gone_where_z_is_dropped_and_some_decoders_have_none(refiner):
    drop = jnp.array([True, False, True, False])
    kept, some = jax.jit(lambda: [refiner.draft(Z, CONTEXT, SHAPE, drop) for drop in (None, drop)])()
    np.testing.assert_array_equal(some, np.where(drop[:, None, None, None], 0, kept))
    assert np.abs(kept).max((1, 2, 3)).min() > 0.01
    assert small_network().draft(Z, CONTEXT, SHAPE) is None


@pytest.mark.parametrize("prediction", ["eps", "v"])
def test_without_a_draft_eps_is_what_the_unet_says_at_its_share_of_the_steps(prediction):
    net = small_network().replace(model=small_model(prediction=prediction))

    @jax.jit
    def raw(x_t, time):
        return net.model.bind(net.params).unet(x_t, time, Z, CONTEXT, jnp.zeros(4, bool))

    expected = eps_from_output(prediction, raw(X_T, T / 1000), X_T, SCHEDULE.alpha_bar[T])
    np.testing.assert_allclose(eps_of(net, Z, X_T, T), expected, rtol=1e-4, atol=1e-4)


def test_gradients_are_those_of_the_parameters(refiner):
    slopes = jax.jit(jax.grad(lambda net: jnp.sum(net.encode(X_T)[0]), allow_int=True))(refiner)
    assert isinstance(slopes, Network) and np.abs(slopes.params["params"]["encoder"]["Dense_0"]["kernel"]).max() > 0


def test_a_part_of_the_model_is_traced_once_for_arrays_of_equal_shape(monkeypatch, refiner):
    called, conv_decoder = [], drafts.ConvDecoder.__call__
    monkeypatch.setattr(drafts.ConvDecoder, "__call__", lambda *args: called.append(1) or conv_decoder(*args))
    rows = slice(3)  # a shape that no other test asks for
    jax.jit(lambda z: refiner.draft(z, CONTEXT[rows], SHAPE) - refiner.draft(2 * z, CONTEXT[rows], SHAPE)).lower(
        Z[rows]
    )
    assert called == [1]
