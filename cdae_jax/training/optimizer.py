"""The optimiser, and one step of it."""

import jax
import optax
from jax.sharding import Mesh

from cdae_jax.settings.sections import Train
from cdae_jax.training.muon import muon

WEIGHT_DECAY = 0.1  # of kernels: what keeps images far from the training data smooth (docs/tried.md)
CLIP_NORM = 1.0


def make_optimizer(train: Train, start: int = 0, mesh: Mesh | None = None) -> optax.GradientTransformation:
    """Muon for kernels and Adam for the rest, with warm-up, optional cosine decay to 0, and clipping by the global
    norm. Mechanisms that were fitted to labels stay as they are.

    Warm-up begins after step `start`, and the decay ends at train.steps. The devices of a mesh share the work.
    """
    if train.decay:
        length = max(train.steps - start, train.warmup_steps + 1)
        rate = optax.warmup_cosine_decay_schedule(0.0, train.learning_rate, train.warmup_steps, length)
    else:
        rate = optax.linear_schedule(0.0, train.learning_rate, max(1, train.warmup_steps))
    if start:
        rate = optax.join_schedules([optax.constant_schedule(0.0), rate], [start])
    learned = optax.chain(optax.clip_by_global_norm(CLIP_NORM), steps_by_kind(rate, WEIGHT_DECAY, mesh))
    if train.mechanisms == "objective":
        return learned
    return optax.partition({"learned": learned, "fitted": optax.set_to_zero()}, _how)


def steps_by_kind(
    rate: optax.ScalarOrSchedule, weight_decay: float, mesh: Mesh | None = None
) -> optax.GradientTransformation:
    """Muon with decoupled weight decay for the kernels of dense and convolution layers, Adam for the rest."""
    rules = {"kernel": muon(rate, weight_decay, mesh), "other": optax.adam(rate)}
    return optax.partition(rules, _kinds)


def _how(tree: dict) -> dict:
    """What becomes of the parts of a tree like the parameters, as a prefix of it."""
    return {"params": {name: "fitted" if name == "scm" else "learned" for name in tree["params"]}}


def _kinds(tree: dict) -> dict:
    """What every leaf of a tree like the parameters is: the "kernel" of a dense or a convolution layer, or "other"."""

    def kind_of(path, leaf) -> str:
        return "kernel" if path[-1] == jax.tree_util.DictKey("kernel") and leaf.ndim in (2, 4) else "other"

    return jax.tree_util.tree_map_with_path(kind_of, tree)


def apply_gradients(tx: optax.GradientTransformation, grads, opt_state: optax.OptState, params):
    """The next parameters, and the optimiser's next state."""
    # Optax raises Python floats to integer powers, which strict promotion forbids.
    with jax.numpy_dtype_promotion("standard"):
        updates, opt_state = tx.update(grads, opt_state, params)
    return optax.apply_updates(params, updates), opt_state
