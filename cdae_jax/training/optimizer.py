"""The optimiser, and one step of it."""

import jax
import optax

from cdae_jax.settings.sections import Train

WEIGHT_DECAY, CLIP_NORM = 1e-4, 1.0


def make_optimizer(train: Train, start: int = 0) -> optax.GradientTransformation:
    """AdamW with warm-up, optional cosine decay to 0, and clipping by the global norm. Mechanisms that were fitted to
    labels stay as they are.

    Warm-up begins after step `start`, and the decay ends at train.steps.
    """
    if train.decay:
        length = max(train.steps - start, train.warmup_steps + 1)
        rate = optax.warmup_cosine_decay_schedule(0.0, train.learning_rate, train.warmup_steps, length)
    else:
        rate = optax.linear_schedule(0.0, train.learning_rate, max(1, train.warmup_steps))
    if start:
        rate = optax.join_schedules([optax.constant_schedule(0.0), rate], [start])
    learned = optax.chain(optax.clip_by_global_norm(CLIP_NORM), optax.adamw(rate, weight_decay=WEIGHT_DECAY))
    if train.mechanisms == "objective":
        return learned
    return optax.partition({"learned": learned, "fitted": optax.set_to_zero()}, _how)


def _how(tree: dict) -> dict:
    """What becomes of the parts of a tree like the parameters, as a prefix of it."""
    return {"params": {name: "fitted" if name == "scm" else "learned" for name in tree["params"]}}


def apply_gradients(tx: optax.GradientTransformation, grads, opt_state: optax.OptState, params):
    """The next parameters, and the optimiser's next state."""
    # Optax raises Python floats to integer powers, which strict promotion forbids.
    with jax.numpy_dtype_promotion("standard"):
        updates, opt_state = tx.update(grads, opt_state, params)
    return optax.apply_updates(params, updates), opt_state
