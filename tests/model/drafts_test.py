"""Decoders in one pass, and one that draws the parts of an image one by one: which variable can change what."""

import re

import jax
import jax.numpy as jnp
import numpy as np
from networks import filled, small_model, small_network

from cdae_jax.model.drafts import ConvDecoder, PartsDecoder

SHAPE = (16, 16, 3)
SIZES = {"channels": 8, "multipliers": (1,), "num_blocks": 1, "patch": 4}
PARTS = ((0,), (1, 3), (2,))
Z, OTHER = jax.random.normal(jax.random.key(2), (2, 3, 4, 2))


def decoder_of(net):
    """The decoder under fixed parameters as a function of z [3, 4, 2] and context [3]."""
    params = filled(lambda: net.init(jax.random.key(0), Z, jnp.zeros(3, jnp.int32), SHAPE))
    return lambda z, context=0: net.apply(params, z, jnp.full(len(z), context, jnp.int32), SHAPE)


def test_every_variable_changes_the_image_and_the_context_only_where_there_is_one():
    for num_classes, changes in ((0, False), (2, True)):
        decode = decoder_of(ConvDecoder(**SIZES, num_classes=num_classes))

        @jax.jit
        def images(decode=decode):
            swapped = [jnp.where(jnp.arange(4)[None, :, None] == i, OTHER, Z) for i in range(4)]
            return decode(Z), decode(Z, 1), [decode(z) for z in swapped]

        x, in_context, changed = images()
        assert x.shape == (3, *SHAPE)
        assert all(np.abs(other - x).max() > 0.01 for other in changed)
        assert (np.abs(in_context - x).max() > 0.01) == changes


def test_a_draft_computes_in_the_models_type_and_gives_single_precision():
    net = small_network("refiner", dtype="bfloat16")
    assert {leaf.dtype for leaf in jax.tree.leaves(net.params["params"]["conv_decoder"])} == {jnp.dtype("float32")}
    z, context = jnp.zeros((3, 4, 4)), jnp.zeros(3, jnp.int32)

    def types(dtype):
        """Of the results of the draft's convolutions, and of the draft."""
        decoder = small_model("refiner", dtype=dtype).bind(net.params).conv_decoder
        traced = jax.jit(lambda z: decoder(z, context, SHAPE)).trace(z)
        text = str(traced.jaxpr)
        return set(re.findall(r"(bf16|f32)\[[\d,]+\] = conv_general_dilated", text)), traced.out_info.dtype

    assert types("bfloat16") == ({"bf16"}, jnp.float32)
    assert types("float32") == ({"f32"}, jnp.float32)


def test_variables_of_different_parts_change_the_image_independently_and_those_of_one_do_not():
    decode = decoder_of(PartsDecoder(PARTS, {**SIZES, "num_classes": 0}))

    @jax.jit
    def together(i, j):
        """How far changing z_i and z_j at once is from the sum of changing each."""
        pick = [jnp.zeros(4, bool), *(jnp.arange(4) == k for k in (i, j)), (jnp.arange(4) == i) | (jnp.arange(4) == j)]
        changed = jnp.concatenate([jnp.where(at[None, :, None], OTHER, Z) for at in pick])
        x, x_i, x_j, x_ij = jnp.split(decode(changed), 4)
        return jnp.abs(x_ij - x_i - x_j + x).max(), jnp.abs(x_i - x).max()

    for i in range(4):
        for j in range(i):
            gap, change = together(i, j)
            same_part = (i, j) == (3, 1)
            assert change > 0.05 and (gap > 0.05 if same_part else gap < 1e-5), (i, j)
