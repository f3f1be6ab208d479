"""A graph whose effects are classes, and by NumPy what its mechanisms say of them."""

import dataclasses
import functools

import jax
import numpy as np
from networks import SHAPE, filled
from short_runs import settings_with

from cdae_jax.data.labels import LabelStats
from cdae_jax.graph import CLASS, CausalGraph, Variable
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.model.causal_diffae import init_params

# heat -> state -> size, and heat -> on <- state; "alone" has no edge.
GRAPH = CausalGraph(
    (
        Variable("on", ("state", "heat"), kind="binary", mechanism=CLASS),
        Variable("state", ("heat",), kind="categorical", classes=3, mechanism=CLASS),
        Variable("heat"),
        Variable("size", ("state",)),
        Variable("alone"),
    )
)
ON, STATE, HEAT, SIZE, ALONE = range(5)
PARENTS = {ON: (STATE, HEAT), STATE: (HEAT,)}


def log_p(params, i, z):
    """log p(class | parents) [B, classes] of effect i, from the parameters of the causal model and z [B, n, k]."""
    layers = params[f"mechanisms_{GRAPH.names[i]}"]
    h = np.concatenate([np.asarray(z, np.float64)[:, parent] for parent in PARENTS[i]], -1)
    for name in ("Dense_0", "Dense_1", "Dense_2"):
        h = h @ np.asarray(layers[name]["kernel"], np.float64) + np.asarray(layers[name]["bias"], np.float64)
        if name != "Dense_2":
            h = 0.5 * h * (1 + np.tanh(np.sqrt(2 / np.pi) * (h + 0.044715 * h**3)))
    return h - np.log(np.exp(h).sum(-1, keepdims=True))


def classes_of(i, z):
    """The class [B] of every z [B, n, k] of effect i."""
    block = np.asarray(z)[:, i]
    return (block.mean(-1) > 0).astype(int) if i == ON else block[:, :3].argmax(-1)


def off_by(found, p) -> float:
    """How far classes [B] are from probabilities [B, classes], of the worst class, in standard errors: how often it
    comes, and how often where it is likely."""
    is_found = found[:, None] == np.arange(p.shape[1])
    return max(
        float((np.abs((weight * (is_found - p)).sum(0)) / np.sqrt((weight**2 * p * (1 - p)).sum(0))).max())
        for weight in (np.ones_like(p), p - p.mean(0))
    )


@functools.cache
def trained():
    """A `TrainedModel` that was never trained, whose labels [1000, 5] know nothing of its mechanisms."""
    settings = dataclasses.replace(settings_with(model={"decoder": "conv"}), graph=GRAPH)
    model = settings.make_model(0)
    params = filled(lambda: init_params(model, jax.random.key(0), SHAPE), size=3.0)
    rng = np.random.default_rng(0)
    labels = rng.normal(size=(1_000, 5))
    labels[:, [ON, STATE]] = rng.integers(0, [2, 3], (1_000, 2))
    return TrainedModel(settings, model, params, LabelStats.of(labels, GRAPH), SHAPE, 0)
