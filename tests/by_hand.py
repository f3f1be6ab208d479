"""A model whose every step can be done by hand: an image shows three latents as greys of pixels."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.model.decoders import DECODERS, Decoder
from cdae_jax.model.network import Network
from cdae_jax.model.scm import Conditional

SHOWN = 0.8  # grey of a pixel for a latent of 1
NAN = np.nan
GRAPH = CausalGraph(
    (Variable("cause"), Variable("effect", parents=("cause",)), Variable("kind", kind="categorical", classes=2))
)


@dataclasses.dataclass(frozen=True)
class Effect:
    """effect = cause + noise * u_effect."""

    noise: float = 1.0

    def __call__(self, u, do, _):
        cause = u[:, 0] if do is None else do.set(0, u[:, 0])
        effect = cause + self.noise * u[:, 1]
        return jnp.stack([cause, effect if do is None else do.set(1, effect), u[:, 2]], 1)

    def conditionals(self, z):
        shift = jnp.zeros_like(z).at[:, 1].set(z[:, 0])
        return Conditional(shift, jnp.zeros_like(z).at[:, 1].set(np.log(self.noise)))

    def abduct(self, z):
        return self.conditionals(z).u_of(z)[0]


@dataclasses.dataclass(frozen=True)
class ByHand:
    """cause -> effect = cause + noise * u_effect, and a class of its own, in blocks of one dimension; each pixel of a
    column [H, 3, 1] shows one z. The encoder reads the first row, each number too high by what is `misread`, and the
    decoder shows everything `misdrawn` too low. An encoder that `infers` reads the effect from the cause's pixel.

    The code of a class is 1 for 0 and -1 for 1.
    """

    misread: tuple[float, float, float] = (0.0, 0.0, 0.0)
    misdrawn: float = 0.0
    noise: float = 1.0
    infers: bool = False
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
        read = read.at[:, 1].set(read[:, 0]) if self.infers else read
        return self.scm.abduct(read), None

    def conv_decoder(self, z, _, image_shape, style):
        return jnp.repeat(SHOWN * (z[:, None] - self.misdrawn), image_shape[0], axis=1)

    @property
    def scm(self):
        return Effect(self.noise)


def network(**changes) -> Network:
    """`ByHand` with what a decoder without diffusion has of parameters and process: nothing."""
    return Network(ByHand(**changes), {}, None)


def column(z, height=1):
    """The image [1, height, 3, 1] of latents [3]."""
    return jnp.tile(SHOWN * jnp.asarray(z, jnp.float32)[None, None, :, None], (1, height, 1, 1))


def read(x):
    """The latents [B, 3] that images [B, H, 3, 1] show."""
    return np.asarray(x)[:, 0, :, 0] / SHOWN


def labels_in(net, x):
    """The labels [B, 3] that the encoder reads from images."""
    return net.labels_of(net.propagate(net.encode(x)[0]))


MISREAD = network(misread=(0.1, 0.1, 0.1))
