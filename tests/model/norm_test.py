"""Group norm against Flax's own and its gradient by JAX."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.model.norm import GroupNorm, sum_over_positions

B = 3


def inputs(channels, size=5):
    keys = jax.random.split(jax.random.key(0), 6)
    x = 2 * jax.random.normal(keys[0], (B, size, size, channels)) + 1
    affine = [jax.random.normal(key, (B, channels)) for key in keys[1:3]]
    params = {"scale": jax.random.normal(keys[3], (channels,)), "bias": jax.random.normal(keys[4], (channels,))}
    return {"params": params}, x, affine, jax.random.normal(keys[5], x.shape)


def flax_norm(params, x, affine):
    y = nn.GroupNorm(num_groups=math.gcd(32, x.shape[-1])).apply(params, x)
    if affine is None:
        return y
    scale, shift = (part[:, None, None] for part in affine)
    return y * (1 + scale) + shift


@pytest.mark.parametrize("channels", [6, 32, 64])
@pytest.mark.parametrize("with_affine", [False, True])
@pytest.mark.parametrize("silu", [False, True])
def test_values_and_gradients_are_those_of_flax(channels, with_affine, silu):
    params, x, affine, weights = inputs(channels)
    given = (params, x, affine if with_affine else None)

    def reference(*given):
        return nn.silu(flax_norm(*given)) if silu else flax_norm(*given)

    def run(norm):
        return jax.jit(jax.value_and_grad(lambda given: jnp.sum(weights * norm(*given) ** 2)))(given)

    pairs = zip(*(jax.tree.leaves(run(norm)) for norm in (GroupNorm(silu=silu).apply, reference)), strict=True)
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-4 * np.abs(np.asarray(theirs)).max())


def test_the_parameters_are_those_of_flax():
    x = inputs(8)[1]
    ours, theirs = (norm.init(jax.random.key(0), x) for norm in (GroupNorm(), nn.GroupNorm(num_groups=8)))
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def test_statistics_stay_in_float32_when_the_rest_does_not():
    params, x, affine, _ = inputs(8)
    half = GroupNorm(jnp.bfloat16).apply(params, x.astype(jnp.bfloat16), [part.astype(jnp.bfloat16) for part in affine])
    assert half.dtype == jnp.bfloat16
    rounded = [part.astype(jnp.bfloat16).astype(jnp.float32) for part in (x, *affine)]
    np.testing.assert_allclose(
        half.astype(jnp.float32), flax_norm(params, rounded[0], rounded[1:]), rtol=1e-2, atol=1e-2
    )
    to_x = jax.grad(lambda x: jnp.sum(GroupNorm(jnp.bfloat16).apply(params, x).astype(jnp.float32)))
    assert to_x(x.astype(jnp.bfloat16)).dtype == jnp.bfloat16


def test_gradients_in_bfloat16_are_those_of_float32_but_for_rounding():
    params, x, affine, weights = inputs(64)
    half = x.astype(jnp.bfloat16)

    def gradient(dtype, x):
        def loss(x):
            return jnp.sum(weights * GroupNorm(dtype, silu=True).apply(params, x, affine).astype(jnp.float32))

        return np.asarray(jax.jit(jax.grad(loss))(x), np.float32)

    found, expected = gradient(jnp.bfloat16, half), gradient(jnp.float32, half.astype(jnp.float32))
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()
    assert np.abs(found - expected).mean() < 0.01 * np.abs(expected).mean()


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_the_gradient_keeps_the_input_alone_in_its_own_type(dtype):
    params, x, affine, _ = inputs(8)
    norm = jax.jit(lambda x: GroupNorm(dtype, silu=True).apply(params, x, affine))
    _, gradient = jax.vjp(norm, x.astype(dtype))
    large = [leaf.dtype for leaf in jax.tree.leaves(gradient) if leaf.size >= x.size]
    assert large == [dtype]


def test_sums_over_positions_are_the_same_on_every_platform():
    x = inputs(8)[1]
    expected = np.asarray(x, np.float64).sum((1, 2))
    np.testing.assert_allclose(jax.jit(sum_over_positions)(x), expected, rtol=1e-5)
    products = {
        platform: "dot_general" in jax.jit(sum_over_positions).trace(x).lower(lowering_platforms=(platform,)).as_text()
        for platform in ("cpu", "cuda", "tpu")
    }
    assert products == {"cpu": True, "cuda": False, "tpu": False}
