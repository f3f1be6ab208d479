"""CausalDiffAE (Komanduri et al., ECAI 2024, arXiv 2404.17735): encoder, causal layer and diffusion decoder."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from cdae_jax.graph import CausalGraph
from cdae_jax.model.decoders import Decoder
from cdae_jax.model.drafts import ConvDecoder, PartsDecoder
from cdae_jax.model.encoder import Encoder
from cdae_jax.model.scm import Intervention, StructuralCausalModel
from cdae_jax.model.unet import UNet


class CausalDiffAE(nn.Module):
    """The whole model; every method is called as `model.apply(params, ..., method="name")`.

    Attributes:
      graph: the causal graph over n variables.
      block_dim: k, dimensions per variable.
      encoder_channels, encoder_multipliers, encoder_patch: see `Encoder`.
      decoder: one of `decoders.DECODERS`. A draft has the sizes of the UNet; of a graph that names two or more parts it
        is a `PartsDecoder`, each part of half as many channels.
      unet_channels, unet_multipliers, num_blocks, attention, patch, num_classes: see `UNet`.
      mechanism, mechanism_hidden: `kind` and `hidden` of `StructuralCausalModel`.
      prior_sd: standard deviation of p(z | y), in units of the standardised labels (`prior`).
      prediction: what the UNet outputs: "eps" or "v".
      dtype, remat: "float32" or "bfloat16" for encoder and UNet, and `remat` of `UNet`.
    """

    graph: CausalGraph
    block_dim: int
    encoder_channels: int
    encoder_multipliers: tuple[int, ...]
    encoder_patch: int
    decoder: Decoder
    unet_channels: int
    unet_multipliers: tuple[int, ...]
    num_blocks: int
    attention: tuple[int, ...]
    patch: int
    num_classes: int
    mechanism: str
    mechanism_hidden: int
    prior_sd: float
    prediction: str
    dtype: str = "float32"
    remat: bool = False

    def setup(self):
        dtype = jnp.dtype(self.dtype)
        self.encoder = Encoder(
            len(self.graph), self.block_dim, self.encoder_channels, self.encoder_multipliers, self.encoder_patch, dtype
        )
        self.scm = StructuralCausalModel(self.graph, self.block_dim, self.mechanism_hidden, self.mechanism)
        if self.decoder.diffuses:
            self.unet = UNet(
                self.unet_channels,
                self.unet_multipliers,
                self.num_blocks,
                self.attention,
                self.patch,
                self.num_classes,
                dtype,
                self.remat,
            )
        if self.decoder.has_draft:
            sizes = (self.unet_multipliers, self.num_blocks, self.patch, self.num_classes)
            if len(self.graph.parts) > 1:
                self.conv_decoder = PartsDecoder(self.graph.parts, max(1, self.unet_channels // 2), *sizes)
            else:
                self.conv_decoder = ConvDecoder(self.unet_channels, *sizes)

    def encode(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """q(u | x): images [B, H, W, C] in [-1, 1] -> mean and log variance of u [B, n, k]."""
        return self.encoder(x)

    def propagate(self, u: jax.Array, do: Intervention | None = None) -> jax.Array:
        """u [B, n, k] -> z [B, n, k] through the mechanisms, under `do`."""
        return self.scm(u, do)

    def conditionals(self, z: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Shift and log scale, each [B, n, k], of every z_i given its parents in z [B, n, k]."""
        return self.scm.conditionals(z)

    def abduct(self, z: jax.Array) -> jax.Array:
        """z [B, n, k] -> u [B, n, k], the inverse of `propagate` without do."""
        return self.scm.abduct(z)

    def denoise(self, x_t, time, z, context, drop, draft=None) -> jax.Array:
        """The UNet's raw output [B, H, W, C]; arguments as `UNet.__call__`."""
        return self.unet(x_t, time, z, context, drop, draft)

    def decode(self, z, context, image_shape) -> jax.Array:
        """The conv decoder's image [B, *image_shape]; arguments as `ConvDecoder.__call__`."""
        return self.conv_decoder(z, context, image_shape)

    def __call__(self, x, time, context, drop):
        """Touches every parameter, for initialisation."""
        mean, _ = self.encode(x)
        z = self.propagate(mean)
        draft = self.decode(z, context, x.shape[1:]) if self.decoder.has_draft else None
        return self.denoise(x, time, z, context, drop, draft) if self.decoder.diffuses else draft


def init_params(model: CausalDiffAE, key: jax.Array, image_shape: tuple[int, int, int]):
    """Fresh parameters for images [H, W, C]."""
    return model.init(
        key,
        jnp.zeros((1, *image_shape)),
        jnp.zeros((1,)),
        jnp.zeros((1,), jnp.int32),
        jnp.zeros((1,), bool),
    )
