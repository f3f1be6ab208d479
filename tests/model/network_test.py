"""A model with its parameters: what a decoder's output means with and without a draft, and what solvers are given."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from networks import SCHEDULE, SHAPE, small_model, small_network

from cdae_jax.diffusion.process import eps_from_output
from cdae_jax.model import drafts
from cdae_jax.model.network import Network

CONTEXT = jnp.zeros(4, jnp.int32)
T = jnp.array([3, 300, 700, 999])
Z = jax.random.normal(jax.random.key(2), (4, 4, 4))
X_T = jax.random.normal(jax.random.key(5), (4, *SHAPE))


@functools.partial(jax.jit, static_argnames="null")
def eps_of(net, z, r_t, t, null=False, of_draft=None):
    draft = net.draft(z if of_draft is None else of_draft, CONTEXT, SHAPE)
    return net.eps_fn(z, CONTEXT, draft, null=null)(r_t, t)


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


def test_an_image_is_its_draft_and_the_remainder():
    net = small_network("refiner")
    x, draft = 0.1 * jax.random.normal(jax.random.key(0), (2, 4, *SHAPE))
    np.testing.assert_array_equal(net.remainder(x, draft), x - draft)
    np.testing.assert_allclose(net.image(net.remainder(x, draft), draft), x, atol=1e-6)
    np.testing.assert_array_equal(net.image(jnp.full_like(x, 8.0), draft), np.ones_like(x))  # clipped
    plain = small_network()
    assert plain.draft(Z, CONTEXT, SHAPE) is None and plain.remainder(x, None) is x
    np.testing.assert_array_equal(plain.image(x, None), x)


def test_the_null_condition_hides_z_and_leaves_the_draft(refiner):
    def eps(null, value, of_draft):
        return eps_of(refiner, jnp.full_like(Z, value), X_T, T, null, of_draft * Z)

    np.testing.assert_array_equal(eps(True, -1.0, 1.0), eps(True, 1.0, 1.0))
    assert np.abs(eps(True, 1.0, 1.0) - eps(True, 1.0, -1.0)).max() > 1e-3
    assert np.abs(eps(False, 1.0, 1.0) - eps(False, -1.0, 1.0)).max() > 1e-3


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
