"""Layers that the encoder and the UNet share."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp


def group_norm(channels: int) -> nn.GroupNorm:
    """GroupNorm with 32 groups, or as many of them as divide the channels."""
    return nn.GroupNorm(num_groups=math.gcd(32, channels))


def conv3(channels: int, stride: int = 1, **kwargs) -> nn.Conv:
    return nn.Conv(channels, (3, 3), strides=(stride, stride), **kwargs)


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

    @nn.compact
    def __call__(self, x: jax.Array, cond: jax.Array | None = None) -> jax.Array:
        """x [B, H, W, C], cond [B, D] or None -> [B, H, W, channels]."""
        h = conv3(self.channels)(nn.silu(group_norm(x.shape[-1])(x)))
        h = group_norm(self.channels)(h)
        if cond is not None:
            scale, shift = jnp.split(nn.Dense(2 * self.channels)(nn.silu(cond))[:, None, None, :], 2, axis=-1)
            h = h * (1 + scale) + shift
        h = conv3(self.channels, kernel_init=nn.initializers.zeros)(nn.silu(h))
        if x.shape[-1] != self.channels:
            x = nn.Dense(self.channels)(x)
        return x + h


class SelfAttention(nn.Module):
    """Residual self-attention over all positions."""

    num_heads: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, C] -> the same shape."""
        batch, height, width, channels = x.shape
        h = group_norm(channels)(x).reshape(batch, height * width, channels)
        h = nn.MultiHeadDotProductAttention(self.num_heads, out_kernel_init=nn.initializers.zeros)(h)
        return x + h.reshape(x.shape)
