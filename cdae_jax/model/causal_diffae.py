"""CausalDiffAE (Komanduri et al., ECAI 2024, arXiv 2404.17735): encoder, causal layer and diffusion decoder."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp

from cdae_jax.graph import CausalGraph
from cdae_jax.model.decoders import Decoder
from cdae_jax.model.drafts import ConvDecoder, PartsDecoder
from cdae_jax.model.encoder import Encoder, style_encoder
from cdae_jax.model.scm import StructuralCausalModel
from cdae_jax.model.unet import UNet


class CausalDiffAE(nn.Module):
    """The whole model; `Network` calls its parts, and says what they take and give.

    A draft has the sizes of the UNet. If the graph has two or more parts it is a `PartsDecoder`, with half as many
    channels for each part.
    """

    graph: CausalGraph  # over n variables
    block_dim: int  # k, dimensions of the latents of each variable
    encoder_channels: int  # this and the next two: see `Encoder`
    encoder_multipliers: tuple[int, ...]
    encoder_patch: int
    decoder: Decoder  # one of `decoders.DECODERS`
    unet_channels: int  # this and the next five: see `UNet`
    unet_multipliers: tuple[int, ...]
    num_blocks: int
    attention: tuple[int, ...]
    patch: int
    num_classes: int
    mechanism: str  # one of `scm.MECHANISMS`
    mechanism_hidden: int
    prior_sd: float  # standard deviation of p(z | y), in units of the standardised labels (`prior`)
    prediction: str  # what the UNet outputs: "eps" or "v"
    dtype: str = "float32"  # or "bfloat16", of encoder, UNet and draft
    remat: bool = False
    style_dim: int = 0  # m, dimensions of style, which a draft sees beside z

    def setup(self):
        graph, dtype = self.graph, jnp.dtype(self.dtype)
        sizes = self.encoder_channels, self.encoder_multipliers, self.encoder_patch
        self.encoder = Encoder(len(graph), self.block_dim, *sizes, dtype)
        if self.style_dim:
            self.style_encoder = style_encoder(self.style_dim, *sizes, dtype=dtype)
        self.scm = StructuralCausalModel(graph, self.block_dim, self.mechanism_hidden, self.mechanism)
        sizes = {name: getattr(self, name) for name in ("num_blocks", "patch", "num_classes")}
        sizes["multipliers"] = self.unet_multipliers
        sizes["dtype"] = dtype
        if self.decoder.diffuses:
            self.unet = UNet(self.unet_channels, attention=self.attention, remat=self.remat, **sizes)
        if self.decoder.has_draft:
            if len(graph.parts) > 1:
                self.conv_decoder = PartsDecoder(graph.parts, {"channels": max(1, self.unet_channels // 2), **sizes})
            else:
                self.conv_decoder = ConvDecoder(self.unet_channels, **sizes)

    def __call__(self, x, time, context, drop):
        """Touches every parameter, for initialisation."""
        mean, _ = self.encoder(x)
        z = self.scm(mean)
        style = self.style_encoder(x, z)[0][:, 0] if self.style_dim else None
        draft = self.conv_decoder(z, context, x.shape[1:], style) if self.decoder.has_draft else None
        return self.unet(x, time, z, context, drop, draft) if self.decoder.diffuses else draft


def init_params(model: CausalDiffAE, key: jax.Array, image_shape: tuple[int, int, int]):
    """Fresh parameters for images [H, W, C]."""
    one = (jnp.zeros((1, *image_shape)), jnp.zeros(1), jnp.zeros(1, jnp.int32), jnp.zeros(1, bool))
    return model.init(key, *one)


@functools.cache
def params_shapes(model: CausalDiffAE, image_shape: tuple[int, int, int]):
    """Shapes and types of `init_params`, kept for each model since tracing takes a second."""
    return jax.eval_shape(lambda: init_params(model, jax.random.key(0), image_shape))
