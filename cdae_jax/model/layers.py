"""Layers that encoder, UNet and draft share."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from cdae_jax.model.norm import GroupNorm, sum_over_positions


@jax.custom_vjp
def add_bias(x: jax.Array, bias: jax.Array) -> jax.Array:
    """[B, H, W, C] + [C]; the bias's gradient uses `sum_over_positions`, which is faster on CPUs."""
    return x + bias[None, None, None]


add_bias.defvjp(
    lambda x, bias: (add_bias(x, bias), None),
    lambda _, g: (g, sum_over_positions(g.astype(jnp.float32)).sum(0).astype(g.dtype)),
)


class Conv(nn.Module):
    """A 3 x 3 convolution with a bias, float32 parameters and the rest of type dtype: nn.Conv with `add_bias`."""

    channels: int
    stride: int = 1
    dtype: jnp.dtype = jnp.float32
    kernel_init: Callable[..., jax.Array] = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, C] -> [B, H / stride, W / stride, channels]."""
        kernel = self.param("kernel", self.kernel_init, (3, 3, x.shape[-1], self.channels)).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.channels,)).astype(self.dtype)
        strides, layout = (self.stride, self.stride), ("NHWC", "HWIO", "NHWC")
        y = jax.lax.conv_general_dilated(x.astype(self.dtype), kernel, strides, "SAME", dimension_numbers=layout)
        return add_bias(y, bias)


def space_to_depth(x: jax.Array, patch: int) -> jax.Array:
    """[B, H, W, C] -> [B, H/patch, W/patch, patch * patch * C]."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // patch, patch, width // patch, patch, channels)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height // patch, width // patch, -1)


def depth_to_space(x: jax.Array, patch: int) -> jax.Array:
    """The inverse of `space_to_depth`."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height, width, patch, patch, channels // patch**2)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height * patch, width * patch, -1)


class ResBlock(nn.Module):
    """Residual block, conditioned by scale and shift after the second norm (ADM, arXiv 2105.05233, section 3)."""

    channels: int
    dtype: jnp.dtype = jnp.float32  # of the computation; parameters are float32

    @nn.compact
    def __call__(self, x: jax.Array, cond: jax.Array | None = None) -> jax.Array:
        """x [B, H, W, C], cond [B, D] or None -> [B, H, W, channels]."""
        h = Conv(self.channels, dtype=self.dtype)(GroupNorm(self.dtype, silu=True)(x))
        affine = None
        if cond is not None:
            affine = jnp.split(nn.Dense(2 * self.channels, dtype=self.dtype)(nn.silu(cond)), 2, axis=-1)
        h = GroupNorm(self.dtype, silu=True)(h, affine)
        h = Conv(self.channels, dtype=self.dtype, kernel_init=nn.initializers.zeros)(h)
        if x.shape[-1] != self.channels:
            x = nn.Dense(self.channels, dtype=self.dtype)(x)
        return x + h


class SelfAttention(nn.Module):
    """Residual self-attention over all positions."""

    num_heads: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, C] -> the same shape."""
        h = GroupNorm(self.dtype)(x).reshape(x.shape[0], -1, x.shape[-1])
        h = nn.MultiHeadDotProductAttention(self.num_heads, dtype=self.dtype, out_kernel_init=nn.initializers.zeros)(h)
        return x + h.reshape(x.shape)
