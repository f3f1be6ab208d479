"""One training step: pure, and compiled for a mesh."""

import dataclasses
import functools

import flax
import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from cdae_jax.compiled import jit_once
from cdae_jax.data.pixels import to_unit
from cdae_jax.diffusion.process import Schedule
from cdae_jax.distributed import sharding
from cdae_jax.model.causal_diffae import CausalDiffAE, init_params
from cdae_jax.model.network import Network
from cdae_jax.objective.draws import draw
from cdae_jax.objective.objective import objective
from cdae_jax.objective.terms import LossWeights, counts
from cdae_jax.settings.run import Settings
from cdae_jax.settings.sections import Train
from cdae_jax.training.optimizer import apply_gradients, make_optimizer

INIT_STREAM, STEP_STREAM = 0, 1


@flax.struct.dataclass
class TrainState:
    """step: scalar int32, steps done; ema: running average of params."""

    step: jax.Array
    params: dict
    ema: dict
    opt_state: optax.OptState


def stream_key(seed: int, stream: int) -> jax.Array:
    """The key of a stream of random numbers. Keys derive from (seed, stream, step): none is stored, or used twice."""
    return jax.random.fold_in(jax.random.key(seed), stream)


def loss_weights(train: Train) -> LossWeights:
    """The settings of the objective, from those of training."""
    return LossWeights(**{field.name: getattr(train, field.name) for field in dataclasses.fields(LossWeights)})


def init_state(model: CausalDiffAE, tx: optax.GradientTransformation, image_shape, seed: int) -> TrainState:
    """The state before the first step, for images [H, W, C]."""
    return state_of(tx, init_params(model, stream_key(seed, INIT_STREAM), image_shape))


def state_of(tx: optax.GradientTransformation, params) -> TrainState:
    """The state before the first step, with these parameters."""
    return TrainState(jnp.int32(0), params, jax.tree.map(jnp.copy, params), tx.init(params))


def ema_decay_at(step: jax.Array, decay: float) -> jax.Array:
    """min(decay, (1 + step) / (10 + step)): a short run does not average its initial weights."""
    step = step.astype(jnp.float32)
    return jnp.minimum(decay, (1 + step) / (10 + step))


def split_rows(tree, parts: int, together: int):
    """Leaves [B, ...] -> [parts, B / parts, ...]: every part has rows of every device, so that no row has to move, and
    groups of `together` neighbours stay together."""

    def split(x):
        return x.reshape(-1, parts, together, *x.shape[1:]).swapaxes(0, 1).reshape(parts, -1, *x.shape[1:])

    return jax.tree.map(split, tree)


def loss_and_gradient(loss_of, params, batch, draws, microbatches: int, refine_every: int):
    """((loss, terms), gradient) of loss_of(params, batch, draws), summed over microbatches that run one by one."""
    gradient_of = jax.value_and_grad(loss_of, has_aux=True)
    if microbatches == 1:
        return gradient_of(params, batch, draws)
    parts = split_rows((batch, draws), microbatches, refine_every)

    def add(total, part):
        return jax.tree.map(jnp.add, total, gradient_of(params, *part)), None

    shapes = jax.eval_shape(gradient_of, params, *jax.tree.map(lambda x: x[0], parts))
    return jax.lax.scan(add, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes), parts)[0]


def train_step(
    settings: Settings,
    weights: LossWeights,
    schedule: Schedule,
    model: CausalDiffAE,
    tx: optax.GradientTransformation,
    state: TrainState,
    batch: dict[str, jax.Array],
) -> tuple[TrainState, dict[str, jax.Array]]:
    """The next state, and scalars: the loss, its terms and the gradient's norm. Pure: config.train.seed and the step
    determine every random number. A batch is "image" [B, H, W, C] uint8, "y" [B, n] float32 standardised (NaN unknown),
    "context" [B] int32 and "intervened" [B, n] bool."""
    train = settings.train
    inputs = {"x": to_unit(batch["image"]), **{name: batch[name] for name in ("y", "context", "intervened")}}
    key = jax.random.fold_in(stream_key(train.seed, STEP_STREAM), state.step)
    draws = draw(model, schedule.num_steps, train.condition_drop, inputs["x"].shape, key)
    over = counts(model.block_dim, train.kl_reduction, inputs)

    def loss_of(params, inputs, draws):
        return objective(Network(model, params, schedule), weights, inputs, draws, over, state.step)

    parts = settings.system.microbatches
    (loss, terms), grads = loss_and_gradient(loss_of, state.params, inputs, draws, parts, train.refine_every)
    params, opt_state = apply_gradients(tx, grads, state.opt_state, state.params)
    decay = ema_decay_at(state.step, train.ema_decay)
    ema = jax.tree.map(lambda old, new: old + (1 - decay) * (new - old), state.ema, params)  # what stays is exact
    state = TrainState(state.step + 1, params, ema, opt_state)
    return state, {"loss": loss, **terms, "grad_norm": optax.tree.norm(grads)}


def jit_train_step(
    settings: Settings,
    model: CausalDiffAE,
    tx: optax.GradientTransformation,
    mesh: Mesh,
    shardings,
    weights: LossWeights | None = None,
):
    """train_step compiled for a mesh: the state as `shardings` say and donated, the batch split over all devices; with
    the weights of the objective, None for those of the settings."""
    weights = weights or loss_weights(settings.train)
    return jax.jit(
        functools.partial(train_step, settings, weights, settings.make_schedule(), model, tx),
        in_shardings=(shardings, sharding.batch_sharding(mesh)),
        out_shardings=(shardings, sharding.replicated(mesh)),
        donate_argnums=0,
    )


class Setup:
    """The model and the optimiser of a run on images [H, W, C], and `abstract`: ShapeDtypeStructs of its state, which
    lie on the mesh as `shardings` say."""

    def __init__(self, settings: Settings, mesh: Mesh, image_shape, num_classes: int = 0):
        self.model, self.tx = settings.make_model(num_classes), make_optimizer(settings.train, mesh=mesh)
        self._init = functools.partial(init_state, self.model, self.tx, image_shape, settings.train.seed)
        shapes = jax.eval_shape(self._init)
        self.shardings = sharding.state_shardings(shapes, mesh)
        self.abstract = sharding.abstract_like(shapes, self.shardings)
        self._settings, self._mesh, self._image_shape = settings, mesh, image_shape

    def first_state(self, params: dict | None = None, mechanisms: dict | None = None) -> TrainState:
        """The state before the first step, with these parameters if there are some, and these mechanisms."""

        def first(params, mechanisms):
            params = self._init().params if params is None else params
            own = {"scm": mechanisms} if mechanisms else {}  # none without edges
            return state_of(self.tx, {"params": params["params"] | own})

        return jit_once(first, out_shardings=self.shardings)(params, mechanisms)

    def lower(self, batch_size: int) -> jax.stages.Lowered:
        """The step of `jit_train_step`, lowered for batches over the whole mesh but not yet compiled."""
        num = len(self._settings.graph)
        kinds = {
            "image": (self._image_shape, jnp.uint8),
            "y": ((num,), jnp.float32),
            "context": ((), jnp.int32),
            "intervened": ((num,), jnp.bool_),
        }
        batch = {name: sharding.abstract_rows(self._mesh, batch_size, *kind) for name, kind in kinds.items()}
        run_step = jit_train_step(self._settings, self.model, self.tx, self._mesh, self.shardings)
        return run_step.lower(self.abstract, batch)


def mesh_of(settings: Settings) -> Mesh:
    """A mesh of all devices. Raises InputError if they cannot share the state and the batches as the settings say."""
    train, system = settings.train, settings.system
    mesh = sharding.make_mesh(system.fsdp)
    sharding.check_batch_size(train.batch_size, system.microbatches, train.refine_every, mesh)
    return mesh
