"""The objective as the step applies it, and the gradient of each of its terms."""

import functools

import jax
import jax.numpy as jnp

from cdae_jax.objective.draws import draw
from cdae_jax.objective.objective import objective
from cdae_jax.objective.terms import LossWeights, counts

# As published, but for means instead of sums; in full from step 9 on.
WEIGHTS = LossWeights(
    gamma=0.1,
    anneal_steps=10,
    kl_reduction="mean",
    condition="encoding",
    condition_drop=0.0,
    refine_every=1,
    steps=1000,
)


def counts_of(net, weights, batch):
    return counts(net.model.block_dim, weights.kl_reduction, batch)


def draws_of(net, weights, batch):
    return draw(net.model, net.schedule.num_steps, weights.condition_drop, batch["x"].shape, jax.random.key(3))


def whole_objective(net, weights, batch, step, key):
    """The objective of a whole batch, with its own draws and counts."""
    draws = draw(net.model, net.schedule.num_steps, weights.condition_drop, batch["x"].shape, key)
    return objective(net, weights, batch, draws, counts_of(net, weights, batch), step)


def values(net, weights, batch, draws=None, over=None, step=100):
    """The terms of the objective and its "loss", by name."""
    draws, over = draws or draws_of(net, weights, batch), over or counts_of(net, weights, batch)
    return _values(net, weights, batch, draws, over, jnp.int32(step))


def gradients(net, weights, batch, draws=None):
    """`values`, and the gradient of each at the parameters; one compilation gives all of them."""
    draws, over = draws or draws_of(net, weights, batch), counts_of(net, weights, batch)
    return _gradients(net, weights, batch, draws, over, jnp.int32(100))


@functools.partial(jax.jit, static_argnames="weights")
def _values(net, weights, batch, draws, over, step):
    loss, terms = objective(net, weights, batch, draws, over, step)
    return terms | {"loss": loss}


@functools.partial(jax.jit, static_argnames="weights")
def _gradients(net, weights, batch, draws, over, step):
    def values(params):
        return (found := _values(net.replace(params=params), weights, batch, draws, over, step)), found

    slopes, found = jax.jacrev(values, has_aux=True)(net.params)
    return found, {name: slope["params"] for name, slope in slopes.items()}


def largest(tree):
    """The largest size of a number in a tree."""
    return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(tree))
