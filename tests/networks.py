"""Small networks of Pendulum's graph whose parameters are random everywhere, so that nothing vanishes by accident."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

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


def filled(init, *args, size=1.0):
    """Parameters of the shapes that init(*args) has; it is not compiled, which takes seconds.

    size: of all but the scales, which are near 1; 1 keeps the size of what passes through a layer.
    """
    rng = np.random.default_rng(0)

    def fill(path, leaf):
        noise = rng.normal(size=leaf.shape)
        name = path[-1].key
        if name in ("scale", "bias"):
            return jnp.asarray((name == "scale") + 0.1 * size * noise, leaf.dtype)
        return jnp.asarray(size * noise / math.sqrt(math.prod(leaf.shape[:-1])), leaf.dtype)

    return jax.tree.map_with_path(fill, jax.eval_shape(init, *args))


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
def small_network(decoder="diffusion", **changes) -> Network:
    """`small_model` with parameters."""
    model = small_model(decoder, **changes)
    return Network(model, filled(lambda: init_params(model, jax.random.key(0), SHAPE)), SCHEDULE)


def silent(net: Network) -> Network:
    """The same, but what the UNet says is zero, as before training: its last convolution is."""
    parts = net.params["params"]
    unet = parts["unet"] | {"Conv_1": jax.tree.map(jnp.zeros_like, parts["unet"]["Conv_1"])}
    return net.replace(params={"params": parts | {"unet": unet}})


def small_trained(decoder="diffusion", **changes):
    """A `TrainedModel` that was never trained, with labels of a thousand images."""
    from short_runs import settings_with

    from cdae_jax.data.labels import LabelStats
    from cdae_jax.inference.trained_model import TrainedModel

    settings = settings_with(model={"decoder": decoder} | changes)
    model = settings.make_model(0)
    params = filled(lambda: init_params(model, jax.random.key(0), SHAPE))
    labels = np.random.default_rng(0).normal([0, 90, 5, 10], [20, 10, 2, 1], (1000, 4))
    return TrainedModel(settings, model, params, LabelStats.of(labels, model.graph), SHAPE, 0)
