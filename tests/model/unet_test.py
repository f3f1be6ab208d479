"""The UNet: shapes, conditioning paths and refusals."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.errors import InputError
from cdae_jax.model.layers import Conv, depth_to_space, space_to_depth
from cdae_jax.model.unet import UNet, check_image_size, time_embedding


def make(**changes):
    sizes = {"channels": 8, "multipliers": (1, 2), "num_blocks": 1, "attention": (4,), "num_heads": 2, "patch": 2}
    return UNet(**{**sizes, "num_classes": 3, **changes})


def inputs(size=16, batch=2):
    key_x, key_z = jax.random.split(jax.random.key(0))
    return (
        jax.random.normal(key_x, (batch, size, size, 3)),
        jnp.linspace(0.1, 0.9, batch),
        jax.random.normal(key_z, (batch, 2, 4)),
        jnp.zeros((batch,), jnp.int32),
        jnp.zeros((batch,), bool),
    )


def with_noise(params):
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(7), len(leaves))
    return jax.tree.unflatten(
        tree, [leaf + 0.1 * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys, strict=True)]
    )


@pytest.mark.parametrize(("size", "patch", "multipliers"), [(16, 1, (1, 2, 2)), (28, 2, (1, 2)), (12, 4, (1,))])
def test_output_has_the_input_shape(size, patch, multipliers):
    unet = make(patch=patch, multipliers=multipliers)
    args = inputs(size)
    assert unet.apply(unet.init(jax.random.key(0), *args), *args).shape == args[0].shape


def test_space_to_depth_is_a_bijection_of_patches():
    x = jnp.arange(2 * 8 * 8 * 3.0).reshape(2, 8, 8, 3)
    folded = space_to_depth(x, 4)
    assert folded.shape == (2, 2, 2, 48)
    np.testing.assert_array_equal(folded[0, 1, 0].reshape(4, 4, 3), x[0, 4:, :4])
    np.testing.assert_array_equal(depth_to_space(folded, 4), x)


def test_every_condition_reaches_the_output_and_drop_cuts_z_alone():
    unet = make()
    x_t, time, z, context, drop = inputs()
    params = with_noise(unet.init(jax.random.key(0), x_t, time, z, context, drop))

    def out(**changes):
        given = {"time": time, "z": z, "context": context, "drop": drop} | changes
        return np.asarray(unet.apply(params, x_t, given["time"], given["z"], given["context"], given["drop"]))

    for changed in (out(time=time + 0.05), out(z=z + 1), out(context=context + 1), out(drop=~drop)):
        assert np.abs(changed - out()).max() > 1e-4
    np.testing.assert_array_equal(out(drop=~drop), out(drop=~drop, z=z + 1))
    assert np.abs(out(drop=~drop) - out(drop=~drop, context=context + 1)).max() > 1e-4


def test_attention_stands_only_at_the_named_heights():
    def heights(attention):
        unet, args = make(attention=attention), inputs()
        names = jax.eval_shape(lambda: unet.init(jax.random.key(0), *args))["params"]
        return sum(name.startswith("SelfAttention") for name in names)

    assert heights(()) == 0
    assert heights((8,)) == 3  # one block down, two up
    assert heights((4,)) == 4  # the same and one in the middle


def test_the_decoder_is_sensitive_to_where_things_are():
    unet = make(attention=())
    x_t, time, z, context, drop = inputs()
    params = with_noise(unet.init(jax.random.key(0), x_t, time, z, context, drop))
    reach = jax.grad(lambda x: unet.apply(params, x, time, z, context, drop)[0, 0, 0, 0])(x_t)
    assert np.abs(np.asarray(reach[1])).max() == 0  # no leak between samples
    assert np.abs(np.asarray(reach[0, -1, -1])).max() > 0  # the whole image is seen


def test_time_embedding_tells_neighbouring_steps_apart():
    embedding = np.asarray(time_embedding(jnp.array([0.5, 0.501]), 64))
    assert np.abs(embedding[0] - embedding[1]).max() > 0.1


@pytest.mark.parametrize(("size", "patch", "levels"), [(28, 4, 2), (30, 2, 3), (32, 3, 1)])
def test_sizes_that_do_not_divide_are_refused(size, patch, levels):
    with pytest.raises(InputError, match=f"image side {size} is not divisible"):
        check_image_size(size, patch, levels)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_is_that_of_flax(stride):
    x, weights = jax.random.normal(jax.random.key(0), (3, 7, 7, 5)), jax.random.normal(jax.random.key(1), (3, 7, 7, 4))
    weights = weights[:, ::stride, ::stride]
    ours, theirs = Conv(4, stride), nn.Conv(4, (3, 3), strides=(stride, stride))
    params = theirs.init(jax.random.key(2), x)
    jax.tree.map(np.testing.assert_array_equal, params, ours.init(jax.random.key(2), x))
    params = with_noise(params)

    def run(conv):
        loss = jax.value_and_grad(lambda given: jnp.sum(weights * conv.apply(*given) ** 2))
        return jax.tree.leaves(jax.jit(loss)((params, x)))

    for mine, reference in zip(run(ours), run(theirs), strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-4)
    assert Conv(4, dtype=jnp.bfloat16).apply(params, x).dtype == jnp.bfloat16
