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

    def apply(self, _, given, *others, method):
        if method == "encode":
            read = given[:, 0] / SHOWN + jnp.array(self.misread)[None, :, None]
            return self.apply(None, read, method="abduct"), None
        if method == "decode":
            _, image_shape = others
            return jnp.repeat(SHOWN * (given[:, None] - self.misdrawn), image_shape[0], axis=1)
        if method == "propagate":
            (do,) = others
            cause = given[:, 0] if do is None else do.set(0, given[:, 0])
            effect = cause + given[:, 1]
            return jnp.stack([cause, effect if do is None else do.set(1, effect), given[:, 2]], 1)
        assert method == "abduct"
        return given.at[:, 1].add(-given[:, 0])


def network(**changes) -> Network:
    """`ByHand` with what a decoder without diffusion has of parameters and process: nothing."""
    return Network(ByHand(**changes), {}, None)


def column(z, height=1):
    """The image [1, height, 3, 1] of latents [3]."""
    return jnp.tile(SHOWN * jnp.asarray(z, jnp.float32)[None, None, :, None], (1, height, 1, 1))


def read(x):
    """The latents [B, 3] that images [B, H, 3, 1] show."""
    return np.asarray(x)[:, 0, :, 0] / SHOWN
