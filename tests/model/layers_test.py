"""Layers of encoder and UNet: a convolution against Flax's, patches by hand, blocks that start as nothing."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from networks import filled

from cdae_jax.model.layers import Conv, ResBlock, SelfAttention, add_bias, depth_to_space, space_to_depth
from cdae_jax.model.norm import GroupNorm

X = jax.random.normal(jax.random.key(0), (3, 7, 7, 5))


def test_the_gradient_of_a_bias_is_that_of_a_plain_sum():
    bias, weights = jnp.arange(5.0), jax.random.normal(jax.random.key(1), X.shape)
    ours = jax.grad(lambda *given: jnp.sum(weights * add_bias(*given) ** 2), (0, 1))(X, bias)
    plain = jax.grad(lambda x, bias: jnp.sum(weights * (x + bias[None, None, None]) ** 2), (0, 1))(X, bias)
    for mine, reference in zip(ours, plain, strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_is_that_of_flax(stride):
    weights = jax.random.normal(jax.random.key(1), (3, 7, 7, 4))[:, ::stride, ::stride]
    ours, theirs = Conv(4, stride), nn.Conv(4, (3, 3), strides=(stride, stride))
    params = theirs.init(jax.random.key(2), X)
    jax.tree.map(np.testing.assert_array_equal, params, ours.init(jax.random.key(2), X))
    params = filled(theirs.init, jax.random.key(2), X)

    def run(conv):
        loss = jax.value_and_grad(lambda given: jnp.sum(weights * conv.apply(*given) ** 2))
        return jax.tree.leaves(jax.jit(loss)((params, X)))

    for mine, reference in zip(run(ours), run(theirs), strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-4)
    assert Conv(4, dtype=jnp.bfloat16).apply(params, X).dtype == jnp.bfloat16


def test_space_to_depth_is_a_bijection_of_patches():
    x = jnp.arange(2 * 8 * 8 * 3.0).reshape(2, 8, 8, 3)
    folded = space_to_depth(x, 4)
    assert folded.shape == (2, 2, 2, 48)
    np.testing.assert_array_equal(folded[0, 1, 0].reshape(4, 4, 3), x[0, 4:, :4])
    np.testing.assert_array_equal(depth_to_space(folded, 4), x)


@pytest.mark.parametrize("layer", [ResBlock(5), SelfAttention(1)], ids=["residual", "attention"])
def test_a_residual_layer_starts_as_the_identity_and_does_not_stay_it(layer):
    params = layer.init(jax.random.key(0), X)
    np.testing.assert_array_equal(layer.apply(params, X), X)
    assert np.abs(layer.apply(filled(lambda: params), X) - X).max() > 0.01


def test_a_block_is_conditioned_by_scale_and_shift_after_its_second_norm():
    """Against its equation in parts that have tests of their own."""
    block, cond = ResBlock(4), jax.random.normal(jax.random.key(1), (3, 6))
    variables = filled(block.init, jax.random.key(0), X, cond)
    part = {name: {"params": leaves} for name, leaves in variables["params"].items()}
    h = Conv(4).apply(part["Conv_0"], nn.silu(GroupNorm().apply(part["GroupNorm_0"], X)))
    scale, shift = jnp.split(nn.Dense(8).apply(part["Dense_0"], nn.silu(cond))[:, None, None], 2, axis=-1)
    h = GroupNorm().apply(part["GroupNorm_1"], h) * (1 + scale) + shift
    expected = nn.Dense(4).apply(part["Dense_1"], X) + Conv(4).apply(part["Conv_1"], nn.silu(h))
    np.testing.assert_allclose(block.apply(variables, X, cond), expected, rtol=1e-4, atol=1e-4)


def test_attention_sees_positions_only_by_what_is_there():
    """Turning the image by half a turn turns the answer."""
    layer = SelfAttention(1)
    params = filled(layer.init, jax.random.key(0), X)
    apply = jax.jit(layer.apply)
    turned = apply(params, X[:, ::-1, ::-1])[:, ::-1, ::-1]
    np.testing.assert_allclose(turned, apply(params, X), atol=1e-5)
    one = apply(params, X.at[0, 0, 0].add(1.0)) - apply(params, X)
    assert np.abs(one[0, -1, -1]).max() > 1e-5  # the far corner sees it
    np.testing.assert_array_equal(one[1:], jnp.zeros_like(one[1:]))  # other images do not
