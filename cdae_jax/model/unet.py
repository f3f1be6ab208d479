"""The conditional noise predictor: an ADM-style UNet (Dhariwal & Nichol 2021, arXiv 2105.05233)."""

import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp

from cdae_jax.errors import InputError
from cdae_jax.model.layers import Conv, ResBlock, SelfAttention, depth_to_space, space_to_depth
from cdae_jax.model.norm import GroupNorm

NUM_HEADS = 4  # of the attention, as published


def time_embedding(time: jax.Array, dim: int) -> jax.Array:
    """Sinusoids of time [B] in [0, 1] -> [B, dim] (arXiv 1706.03762, section 3.5, at positions 0..1000)."""
    frequencies = jnp.exp(-jnp.log(10000.0) * jnp.arange(dim // 2, dtype=jnp.float32) / (dim // 2))
    angles = 1000 * time[:, None] * frequencies[None, :]
    return jnp.concatenate([jnp.cos(angles), jnp.sin(angles)], -1)


def check_image_size(size: int, patch: int, num_levels: int) -> None:
    """Raises InputError if the stem and the halvings between levels do not divide the image's side."""
    divisor = patch * 2 ** (num_levels - 1)
    if size % divisor:
        raise InputError(
            f"the image side {size} is not divisible by {divisor} (patch {patch} and {num_levels} levels):"
            " choose another resolution, patch or number of multipliers"
        )


class UNet(nn.Module):
    """eps or v from x_t; time, z and context enter every block by scale and shift."""

    channels: int
    multipliers: tuple[int, ...]  # level i has channels * multipliers[i]; each but the last halves the image
    num_blocks: int  # residual blocks per level on the way down; one more on the way up
    attention: tuple[int, ...]  # heights of the feature maps, after the stem, that get self-attention
    patch: int  # side of the patches that the stem folds into channels; 1 for none
    num_classes: int  # of the context, 0 for none; class num_classes means "unknown"
    dtype: jnp.dtype = jnp.float32  # of the computation; parameters, statistics and the output are float32
    remat: bool = False  # makes the insides of residual blocks again in the backward pass instead of keeping them

    def _condition(self, time, z, context, drop):
        width = 4 * self.channels

        def embed(inputs):
            return nn.Dense(width, dtype=self.dtype)(nn.silu(nn.Dense(width, dtype=self.dtype)(inputs)))

        cond, of_z = embed(time_embedding(time, self.channels)), embed(z.reshape(z.shape[0], -1))
        null = self.param("null_condition", nn.initializers.normal(0.02), (1, width)).astype(self.dtype)
        cond = cond + jnp.where(drop[:, None], null, of_z)
        if self.num_classes:
            cond = cond + nn.Embed(self.num_classes + 1, width, dtype=self.dtype)(context)
        return cond

    @nn.compact
    def __call__(self, x_t, time, z, context, drop, draft=None) -> jax.Array:
        """The network's raw output [B, H, W, C], of x_t [B, H, W, C] and what is seen beside it, draft [B, H, W, C'].

        time [B] in [0, 1] is the step index divided by T, z [B, n, k] is replaced by the null condition where drop [B],
        and context [B] int32 in 0..num_classes is ignored if num_classes is 0.
        """
        cond = self._condition(time, z, context, drop)
        residual = nn.remat(ResBlock) if self.remat else ResBlock
        names = (f"ResBlock_{i}" for i in itertools.count())  # the same with and without remat

        def block(h, multiplier):
            h = residual(self.channels * multiplier, self.dtype, name=next(names))(h, cond)
            return SelfAttention(NUM_HEADS, self.dtype)(h) if h.shape[1] in self.attention else h

        seen = x_t if draft is None else jnp.concatenate([x_t, draft], -1)
        h = Conv(self.channels, dtype=self.dtype)(space_to_depth(seen, self.patch))
        skips = [h]
        for level, multiplier in enumerate(self.multipliers):
            if level:
                h = Conv(h.shape[-1], stride=2, dtype=self.dtype)(h)
                skips.append(h)
            for _ in range(self.num_blocks):
                h = block(h, multiplier)
                skips.append(h)
        h = block(h, self.multipliers[-1])
        h = residual(self.channels * self.multipliers[-1], self.dtype, name=next(names))(h, cond)
        for level, multiplier in reversed(list(enumerate(self.multipliers))):
            for _ in range(self.num_blocks + 1):
                h = block(jnp.concatenate([h, skips.pop()], -1), multiplier)
            if level:
                h = Conv(h.shape[-1], dtype=self.dtype)(jnp.repeat(jnp.repeat(h, 2, axis=1), 2, axis=2))
        h = GroupNorm(self.dtype, silu=True)(h)
        out = Conv(x_t.shape[-1] * self.patch**2, dtype=self.dtype, kernel_init=nn.initializers.zeros)(h)
        return depth_to_space(out, self.patch).astype(jnp.float32)
