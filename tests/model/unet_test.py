"""The UNet: shapes, conditioning paths and refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from networks import filled

from cdae_jax.errors import InputError
from cdae_jax.model.unet import UNet, check_image_size, time_embedding


def make(**changes):
    sizes = {"channels": 8, "multipliers": (1, 2), "num_blocks": 1, "attention": (), "patch": 2, "num_classes": 3}
    return UNet(**sizes | changes)


def inputs(size=16, batch=2):
    key_x, key_z = jax.random.split(jax.random.key(0))
    return {
        "x_t": jax.random.normal(key_x, (batch, size, size, 3)),
        "time": jnp.linspace(0.1, 0.9, batch),
        "z": jax.random.normal(key_z, (batch, 2, 4)),
        "context": jnp.zeros((batch,), jnp.int32),
        "drop": jnp.zeros((batch,), bool),
    }


def init(unet, given):
    return filled(lambda: unet.init(jax.random.key(0), **given))


@pytest.fixture(scope="module")
def params():
    return init(make(), inputs())


@pytest.fixture(scope="module")
def unet(params):
    """One UNet's output as a function of inputs by name."""
    apply = jax.jit(make().apply)
    return lambda **changes: np.asarray(apply(params, **inputs() | changes))


@pytest.mark.parametrize(("size", "patch", "multipliers"), [(16, 1, (1, 2, 2)), (28, 2, (1, 2)), (12, 4, (1,))])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_output_has_the_input_shape_and_single_precision_as_the_parameters_have(size, patch, multipliers, dtype):
    net, given = make(patch=patch, multipliers=multipliers, dtype=dtype), inputs(size)
    params = jax.eval_shape(lambda: net.init(jax.random.key(0), **given))
    out = jax.eval_shape(lambda params: net.apply(params, **given), params)
    assert (out.shape, out.dtype) == (given["x_t"].shape, jnp.float32)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}


def test_every_condition_reaches_the_output_and_drop_cuts_z_alone(unet):
    given = inputs()
    time, z, context, drop = (given[name] for name in ("time", "z", "context", "drop"))
    for changed in (unet(time=time + 0.05), unet(z=z + 1), unet(context=context + 1), unet(drop=~drop)):
        assert np.abs(changed - unet()).max() > 1e-4
    np.testing.assert_array_equal(unet(drop=~drop), unet(drop=~drop, z=z + 1))
    assert np.abs(unet(drop=~drop) - unet(drop=~drop, context=context + 1)).max() > 1e-4
    np.testing.assert_array_equal(unet(drop=~drop)[0], unet(drop=drop.at[0].set(True))[0])  # each image by itself


def test_a_draft_is_seen_beside_the_image():
    net, given = make(multipliers=(1,)), inputs(8)
    params = init(net, given | {"draft": given["x_t"]})
    apply = jax.jit(lambda draft: net.apply(params, **given, draft=draft))
    assert np.abs(apply(given["x_t"]) - apply(-given["x_t"])).max() > 1e-4


def test_the_decoder_is_sensitive_to_where_things_are(params):
    given = inputs()
    apply = jax.jit(jax.grad(lambda x_t: make().apply(params, **given | {"x_t": x_t})[0, 0, 0, 0]))
    reach = np.abs(apply(given["x_t"]))
    assert reach[1].max() == 0  # no leak between samples
    assert reach[0, -1, -1].max() > 0  # the whole image is seen


def test_attention_stands_only_at_the_named_heights():
    def heights(attention):
        net = make(attention=attention)
        names = jax.eval_shape(lambda: net.init(jax.random.key(0), **inputs()))["params"]
        return sum(name.startswith("SelfAttention") for name in names)

    assert heights(()) == 0
    assert heights((8,)) == 3  # one block down, two up
    assert heights((4,)) == 4  # the same and one in the middle


def test_computing_the_insides_again_changes_no_parameter_and_no_gradient():
    nets, given = [make(multipliers=(1,), remat=remat) for remat in (False, True)], inputs(8)
    params = init(nets[0], given)
    expected, found = (
        jax.jit(jax.grad(lambda params, net=net: jnp.sum(net.apply(params, **given) ** 2)))(params) for net in nets
    )
    assert jax.tree.structure(init(nets[1], given)) == jax.tree.structure(params)
    for ours, plain in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-4)


def test_time_embedding_tells_neighbouring_steps_apart():
    embedding = np.asarray(time_embedding(jnp.array([0.5, 0.501]), 64))
    assert np.abs(embedding[0] - embedding[1]).max() > 0.1
    angles = 500 * 10_000.0 ** -(np.arange(32) / 32)
    np.testing.assert_allclose(embedding[0], np.concatenate([np.cos(angles), np.sin(angles)]), atol=1e-3)


@pytest.mark.parametrize(("size", "patch", "levels"), [(28, 4, 2), (30, 2, 3), (32, 3, 1)])
def test_sizes_that_do_not_divide_are_refused(size, patch, levels):
    with pytest.raises(InputError, match=f"image side {size} is not divisible"):
        check_image_size(size, patch, levels)


@pytest.mark.parametrize(("size", "patch", "levels"), [(28, 4, 1), (24, 2, 3), (33, 3, 1)])
def test_sizes_that_divide_are_not_refused(size, patch, levels):
    check_image_size(size, patch, levels)
