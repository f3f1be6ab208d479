"""Layers that the encoder and the UNet share."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from cdae_jax.norm import GroupNorm


def conv3(channels: int, stride: int = 1, dtype=jnp.float32, **kwargs) -> nn.Conv:
    return nn.Conv(channels, (3, 3), strides=(stride, stride), dtype=dtype, **kwargs)


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
    """Residual block, conditioned by scale and shift after the second norm (ADM, arXiv 2105.05233, section 3).

    Parameters are float32; what is computed with them is of type dtype.
    """

    channels: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, cond: jax.Array | None = None) -> jax.Array:
        """x [B, H, W, C], cond [B, D] or None -> [B, H, W, channels]."""
        h = conv3(self.channels, dtype=self.dtype)(nn.silu(GroupNorm(self.dtype)(x)))
        affine = None
        if cond is not None:
            affine = jnp.split(nn.Dense(2 * self.channels, dtype=self.dtype)(nn.silu(cond)), 2, axis=-1)
        h = GroupNorm(self.dtype)(h, affine)
        h = conv3(self.channels, dtype=self.dtype, kernel_init=nn.initializers.zeros)(nn.silu(h))
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
        batch, height, width, channels = x.shape
        h = GroupNorm(self.dtype)(x).reshape(batch, height * width, channels)
        h = nn.MultiHeadDotProductAttention(self.num_heads, dtype=self.dtype, out_kernel_init=nn.initializers.zeros)(h)
        return x + h.reshape(x.shape)
