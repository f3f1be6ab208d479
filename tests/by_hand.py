"""A model whose every step can be done by hand: an image shows three latents as greys of pixels."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.model.decoders import DECODERS, Decoder
from cdae_jax.model.network import Network

SHOWN = 0.8  # grey of a pixel for a latent of 1
NAN = np.nan
GRAPH = CausalGraph(
    (Variable("cause"), Variable("effect", parents=("cause",)), Variable("kind", kind="categorical", classes=2))
)


class Effect:
    """effect = cause + u_effect."""

    def __call__(self, u, do, _):
        cause = u[:, 0] if do is None else do.set(0, u[:, 0])
        effect = cause + u[:, 1]
        return jnp.stack([cause, effect if do is None else do.set(1, effect), u[:, 2]], 1)

    @staticmethod
    def abduct(z):
        return z.at[:, 1].add(-z[:, 0])


@dataclasses.dataclass(frozen=True)
class ByHand:
    """cause -> effect = cause + u_effect, and a class of its own, in blocks of one dimension; each pixel of a column
    [H, 3, 1] shows one z. The encoder reads the first row, each number too high by what is `misread`, and the decoder
    shows everything `misdrawn` too low.

    The code of a class is 1 for 0 and -1 for 1.
    """

    misread: tuple[float, float, float] = (0.0, 0.0, 0.0)
    misdrawn: float = 0.0
    graph: CausalGraph = GRAPH
    decoder: Decoder = DECODERS["conv"]
    block_dim: int = 1
    num_classes: int = 0
    prior_sd: float = 0.05
    style_dim: int = 0

    def bind(self, _):
        return self

    def encoder(self, x):
        read = x[:, 0] / SHOWN + jnp.array(self.misread)[None, :, None]
        return Effect.abduct(read), None

    def conv_decoder(self, z, _, image_shape, style):
        return jnp.repeat(SHOWN * (z[:, None] - self.misdrawn), image_shape[0], axis=1)

    @property
    def scm(self):
        return Effect()


def network(**changes) -> Network:
    """`ByHand` with what a decoder without diffusion has of parameters and process: nothing."""
    return Network(ByHand(**changes), {}, None)


def column(z, height=1):
    """The image [1, height, 3, 1] of latents [3]."""
    return jnp.tile(SHOWN * jnp.asarray(z, jnp.float32)[None, None, :, None], (1, height, 1, 1))


def read(x):
    """The latents [B, 3] that images [B, H, 3, 1] show."""
    return np.asarray(x)[:, 0, :, 0] / SHOWN
