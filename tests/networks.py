"""Small networks of Pendulum's graph whose parameters lie away from zero, so that nothing vanishes by accident."""

import functools

import jax

from cdae_jax.diffusion.process import make_schedule
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.model.causal_diffae import CausalDiffAE, init_params
from cdae_jax.model.decoders import DECODERS
from cdae_jax.model.network import Network

SHAPE = (16, 16, 3)
SCHEDULE = make_schedule("cosine", 1000)
GRAPH = CausalGraph(
    (
        Variable("angle"),
        Variable("light"),
        Variable("length", ("angle", "light")),
        Variable("position", ("angle", "light")),
    )
)


def away(params, scale=0.05):
    """Parameters with noise of that size on each."""
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    noisy = [leaf + scale * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys, strict=True)]
    return jax.tree.unflatten(tree, noisy)


def small_model(decoder="diffusion", **changes) -> CausalDiffAE:
    """A model with one level, 8 channels and feature maps of 4 x 4."""
    sizes = {
        "graph": GRAPH,
        "block_dim": 4,
        "encoder_channels": 8,
        "encoder_multipliers": (1,),
        "encoder_patch": 4,
        "unet_channels": 8,
        "unet_multipliers": (1,),
        "num_blocks": 1,
        "attention": (),
        "patch": 4,
        "num_classes": 0,
        "mechanism": "additive",
        "mechanism_hidden": 16,
        "prior_sd": 0.05,
        "prediction": "v",
    }
    return CausalDiffAE(**sizes | changes, decoder=DECODERS[decoder])


@functools.cache
def small_network(decoder="diffusion", scale=0.05, **changes) -> Network:
    """`small_model` with parameters; scale 0 for those that training starts from."""
    model = small_model(decoder, **changes)
    params = jax.jit(lambda: away(init_params(model, jax.random.key(0), SHAPE), scale))()
    return Network(model, params, SCHEDULE)
