"""Decoders without diffusion, for drafts and for the CausalVAE-style baseline: z to an image in one pass."""

from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.model.layers import Conv, ResBlock, depth_to_space
from cdae_jax.model.norm import GroupNorm


class ConvDecoder(nn.Module):
    """The mean d(z, s) of a Gaussian p(x | z, s), as in CausalVAE (arXiv 2004.08697) except for style s."""

    channels: int  # this and the others: as in `UNet`, whose way up (without the way down) this is
    multipliers: tuple[int, ...]
    num_blocks: int
    patch: int
    num_classes: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(
        self, z: jax.Array, context: jax.Array, image_shape: tuple[int, int, int], style: jax.Array | None = None
    ) -> jax.Array:
        """z [B, n, k], context [B] int32 (ignored if num_classes is 0), style [B, m] if the model has it -> images
        [B, *image_shape] near [-1, 1]."""
        height, width, image_channels = image_shape
        scale = self.patch * 2 ** (len(self.multipliers) - 1)
        dim = 4 * self.channels
        seen = z.reshape(z.shape[0], -1)
        if style is not None:
            seen = jnp.concatenate([seen, style], -1)
        dtype = self.dtype
        cond = nn.Dense(dim, dtype=dtype)(nn.silu(nn.Dense(dim, dtype=dtype)(seen)))
        if self.num_classes:
            cond = cond + nn.Embed(self.num_classes + 1, dim, dtype=dtype)(context)
        lowest = (height // scale, width // scale, self.channels * self.multipliers[-1])
        h = nn.Dense(lowest[0] * lowest[1] * lowest[2], dtype=dtype)(nn.silu(cond)).reshape(z.shape[0], *lowest)
        for level, multiplier in reversed(list(enumerate(self.multipliers))):
            for _ in range(self.num_blocks + 1):
                h = ResBlock(self.channels * multiplier, dtype)(h, cond)
            if level:
                h = Conv(h.shape[-1], dtype=dtype)(jnp.repeat(jnp.repeat(h, 2, axis=1), 2, axis=2))
        h = GroupNorm(dtype, silu=True)(h)
        out = Conv(image_channels * self.patch**2, dtype=dtype)(h)
        return depth_to_space(out, self.patch).astype(jnp.float32)


class PartsDecoder(nn.Module):
    """The sum of one `ConvDecoder` per part of the image. Each sees style, and z of the variables of its part alone.

    Our own. Where causes determine effects in every training image, the images do not tell which variable draws what,
    and a decoder of all of z may answer do(effect) by anything. Here variables of other parts cannot change a part, so
    that each part looks under do() as it did in training. This fails if parts hide each other, or if the variables of
    one part determine those of another: then either may draw what the other should.
    """

    parts: tuple[tuple[int, ...], ...]  # indices of the variables of each part, see `CausalGraph.parts`
    sizes: Mapping  # of each `ConvDecoder`

    @nn.compact
    def __call__(
        self, z: jax.Array, context: jax.Array, image_shape: tuple[int, int, int], style: jax.Array | None = None
    ) -> jax.Array:
        """As `ConvDecoder.__call__`."""
        seen = (z[:, np.array(part)] for part in self.parts)
        return sum(ConvDecoder(**self.sizes)(blocks, context, image_shape, style) for blocks in seen)
