"""The whole model: what its parameters are, and what each part of it is given."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from networks import GRAPH, SHAPE, small_model

from cdae_jax.graph import CausalGraph
from cdae_jax.model.causal_diffae import init_params


def shapes_of(model):
    return jax.eval_shape(lambda: init_params(model, jax.random.key(0), SHAPE))["params"]


def with_parts(*names):
    return CausalGraph(tuple(dataclasses.replace(var, part=n) for var, n in zip(GRAPH.variables, names, strict=True)))


def test_the_draft_has_one_decoder_of_half_as_many_channels_for_each_part_that_the_graph_names():
    graph = with_parts("pendulum", "lamp", "shadow", "shadow")
    parts = shapes_of(small_model("refiner", graph=graph))["conv_decoder"]
    assert sorted(parts) == [f"ConvDecoder_{i}" for i in range(3)]
    # The first layer sees the z of the part's variables alone.
    assert [parts[f"ConvDecoder_{i}"]["Dense_1"]["kernel"].shape for i in range(3)] == [(4, 16), (4, 16), (8, 16)]
    whole = shapes_of(small_model("refiner", graph=with_parts("all", "all", "all", "all")))["conv_decoder"]
    assert whole["Dense_1"]["kernel"].shape == (16, 32)
    assert jax.tree.map(jnp.shape, whole) == jax.tree.map(jnp.shape, shapes_of(small_model("refiner"))["conv_decoder"])


def test_initialisation_makes_the_parameters_of_every_part_and_no_other():
    """Of a refiner, which has every part."""
    model, key = small_model("refiner"), jax.random.key(0)
    x, z, context, drop = jnp.ones((2, *SHAPE)), jnp.ones((2, 4, 4)), jnp.zeros(2, jnp.int32), jnp.zeros(2, bool)

    def every(model):
        return model.encoder(x), model.scm(z), model.conv_decoder(z, context, SHAPE), model.unet(*seen, x)

    seen = x, jnp.ones(2), z, context, drop
    found = jax.eval_shape(lambda: model.init(key, method=every))["params"]
    assert jax.tree.map(jnp.shape, found) == jax.tree.map(jnp.shape, shapes_of(model))
    assert sorted(found) == ["conv_decoder", "encoder", "scm", "unet"]


def test_the_mechanisms_are_those_of_the_variables_with_parents():
    assert sorted(shapes_of(small_model())["scm"]) == ["mechanisms_length", "mechanisms_position"]
    assert "scm" not in shapes_of(small_model(graph=CausalGraph(GRAPH.variables[:2])))


def test_fresh_parameters_are_of_single_precision_and_differ_by_key_alone():
    model = small_model(dtype="bfloat16")
    init = jax.jit(lambda key: init_params(model, key, SHAPE))
    first, again, other = (init(jax.random.key(i)) for i in (0, 0, 1))
    assert {leaf.dtype for leaf in jax.tree.leaves(first)} == {jnp.dtype("float32")}
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert any((a != b).any() for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(other), strict=True))
