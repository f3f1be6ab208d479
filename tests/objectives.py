"""The objective as the step applies it."""

from cdae_jax.objective.draws import draw
from cdae_jax.objective.objective import objective
from cdae_jax.objective.terms import LossWeights, counts

# The published form, all images conditioned, and its weight in full from the first step on.
WEIGHTS = LossWeights(
    gamma=0.1,
    anneal_steps=1,
    kl_reduction="mean",
    mechanism=0.3,
    condition="encoding",
    condition_drop=0.0,
    mechanism_alone=False,
    refine_every=1,
)


def counts_of(net, weights, batch):
    return counts(net.graph, net.model.block_dim, weights.kl_reduction, batch)


def whole_objective(net, weights, batch, step, key):
    """The objective of a whole batch, with its own draws and counts."""
    draws = draw(net.model, net.schedule.num_steps, weights.condition_drop, batch["x"].shape, key)
    return objective(net, weights, batch, draws, counts_of(net, weights, batch), step)
