"""The objective as the step applies it."""

from cdae_jax.objective.objective import counts, draw, objective


def whole_objective(model, params, schedule, weights, batch, step, key):
    """The objective of a whole batch, with its own draws and counts."""
    draws = draw(model, schedule, weights.condition_drop, batch["x"].shape, key)
    return objective(model, params, schedule, weights, batch, draws, counts(model, batch), step)
