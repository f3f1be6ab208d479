"""The training step and the loop around it."""

import contextlib
import dataclasses
import functools
import json
import pathlib
import signal
import threading
from collections.abc import Iterator

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm import tqdm

from cdae_jax import readout, sharding, workdir
from cdae_jax.checkpoint import Checkpoints, abstract_like
from cdae_jax.data.dataset import Split
from cdae_jax.data.pipeline import batches, label_columns, make_dataset
from cdae_jax.diffusion import Schedule, make_schedule
from cdae_jax.errors import InputError
from cdae_jax.labels import LabelStats
from cdae_jax.logs import MetricLogs
from cdae_jax.losses import LossWeights, objective
from cdae_jax.model import CausalDiffAE, init_params
from cdae_jax.optimizer import apply_gradients
from cdae_jax.pixels import to_unit
from cdae_jax.settings import Settings, Train

INIT_STREAM, STEP_STREAM = 0, 1
READOUT_IMAGES = 10_000


@flax.struct.dataclass
class TrainState:
    """step: scalar int32, steps done; ema: running average of params."""

    step: jax.Array
    params: dict
    ema: dict
    opt_state: optax.OptState


def stream_key(seed: int, stream: int) -> jax.Array:
    """Keys derive from (seed, stream, step): no key is stored, none is used twice."""
    return jax.random.fold_in(jax.random.key(seed), stream)


class Stopped(Exception):
    """Training was asked to stop (SIGTERM) and did, with everything saved; the message says so."""


@contextlib.contextmanager
def stop_request() -> Iterator[threading.Event]:
    """An event that SIGTERM sets, as whoever takes the machine away sends it. Only in the main thread."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)


class NonFiniteLoss(RuntimeError):
    """The loss became NaN or infinite; the message names the step and the last good checkpoint."""


def make_optimizer(train: Train) -> optax.GradientTransformation:
    """AdamW with warm-up, optional cosine decay to 0, and clipping by the global norm."""
    if train.decay:
        rate = optax.warmup_cosine_decay_schedule(
            0.0, train.learning_rate, train.warmup_steps, max(train.steps, train.warmup_steps + 1)
        )
    else:
        rate = optax.linear_schedule(0.0, train.learning_rate, max(1, train.warmup_steps))
    return optax.chain(optax.clip_by_global_norm(train.clip_norm), optax.adamw(rate, weight_decay=train.weight_decay))


def loss_weights(train: Train) -> LossWeights:
    return LossWeights(
        train.kl_u, train.kl_z, train.mechanism, train.anneal_steps, train.condition_drop, train.condition
    )


def init_state(model: CausalDiffAE, tx: optax.GradientTransformation, image_shape, seed: int) -> TrainState:
    """The state before the first step, for images [H, W, C]."""
    params = init_params(model, stream_key(seed, INIT_STREAM), image_shape)
    return TrainState(jnp.int32(0), params, jax.tree.map(jnp.copy, params), tx.init(params))


def ema_decay_at(step: jax.Array, decay: float) -> jax.Array:
    """min(decay, (1 + step) / (10 + step)): a short run does not average its initial weights."""
    step = step.astype(jnp.float32)
    return jnp.minimum(decay, (1 + step) / (10 + step))


def train_step(
    state: TrainState,
    batch: dict[str, jax.Array],
    *,
    model: CausalDiffAE,
    schedule: Schedule,
    tx: optax.GradientTransformation,
    weights: LossWeights,
    ema_decay: float,
    seed: int,
) -> tuple[TrainState, dict[str, jax.Array]]:
    """One optimisation step; pure.

    Args:
      batch: "image" [B, H, W, C] uint8, "y" [B, n] float32 standardised (NaN unknown), "context" [B] int32,
        "intervened" [B, n] bool.
      seed: with the step it determines every random number.

    Returns:
      the next state, and scalars: the loss, its terms and norms.
    """
    inputs = {
        "x": to_unit(batch["image"]),
        "y": batch["y"],
        "context": batch["context"],
        "intervened": batch["intervened"],
    }
    key = jax.random.fold_in(stream_key(seed, STEP_STREAM), state.step)

    def loss_of(params):
        return objective(model, params, schedule, weights, inputs, state.step, key)

    (loss, terms), grads = jax.value_and_grad(loss_of, has_aux=True)(state.params)
    params, opt_state, updates = apply_gradients(tx, grads, state.opt_state, state.params)
    decay = ema_decay_at(state.step, ema_decay)
    ema = jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, state.ema, params)
    norms = {
        "grad_norm": optax.tree.norm(grads),
        "update_norm": optax.tree.norm(updates),
        "param_norm": optax.tree.norm(params),
    }
    return TrainState(state.step + 1, params, ema, opt_state), {"loss": loss, **terms, **norms}


def jit_train_step(settings: Settings, model: CausalDiffAE, tx: optax.GradientTransformation, mesh: jax.sharding.Mesh):
    """train_step compiled for a mesh: the state replicated and donated, the batch split over "data"."""
    step = functools.partial(
        train_step,
        model=model,
        schedule=make_schedule(settings.diffusion.schedule, settings.diffusion.num_steps),
        tx=tx,
        weights=loss_weights(settings.train),
        ema_decay=settings.train.ema_decay,
        seed=settings.train.seed,
    )
    everywhere = sharding.replicated(mesh)
    return jax.jit(
        step,
        in_shardings=(everywhere, sharding.batch_sharding(mesh)),
        out_shardings=everywhere,
        donate_argnums=0,
    )


def host_batches(
    split: Split, y: np.ndarray, start: int, train: Train, labelled_share: float = 0.0
) -> Iterator[dict[str, np.ndarray]]:
    """The arrays of this process's part of every step from `start` on.

    Args:
      y: [N, n] standardised labels, in the order of the model's variables.
      split: whose labels y replaces; its `intervened` has y's columns.
      labelled_share: see `pipeline.pools`.
    """
    standardised = dataclasses.replace(split, labels=y)
    processes = (jax.process_index(), jax.process_count())
    for batch in batches(standardised, start, train.steps, train.batch_size, train.seed, *processes, labelled_share):
        context = np.zeros(len(batch), np.int32) if batch.context is None else batch.context
        yield {"image": batch.images, "y": batch.labels, "context": context, "intervened": batch.was_set}


def train_model(settings: Settings, directory: str | pathlib.Path) -> pathlib.Path:
    """Trains into a workdir, or goes on where a run of the same settings stopped.

    Leaves config.json, model.json, metrics.jsonl, TensorBoard event files, train.json and checkpoints/; readout.npz too
    if config.sample.action is "direction".

    Raises:
      InputError: bad settings or data, or a workdir of other settings.
      NonFiniteLoss: training diverged.
      Stopped: SIGTERM arrived; what was done is saved.
    """
    directory = pathlib.Path(directory)
    train = settings.train
    mesh = sharding.make_mesh()
    sharding.check_batch_size(train.batch_size, mesh)
    workdir.check(directory, settings)
    dataset = make_dataset(settings)
    split = dataset.train.with_labels(
        settings.data.label_fraction, settings.data.seed, labelled_only=settings.data.labelled_only
    )
    if train.batch_size > len(split):
        raise InputError(
            f"config.train.batch_size is {train.batch_size}, more than the {len(split)} training images:"
            " use a smaller batch or more data"
        )
    columns = label_columns(dataset, settings.graph)
    labels, was_set = split.labels[:, columns], split.was_set[:, columns]
    stats = LabelStats.of(labels[~was_set.any(1)], settings.graph)
    split = dataclasses.replace(split, intervened=was_set)
    image_shape = split.images.shape[1:]
    workdir.check_dataset(directory, dataset.name)
    workdir.claim(directory, settings)
    workdir.write_model(directory, dataset.name, image_shape, dataset.num_classes, stats)

    model = settings.make_model(dataset.num_classes)
    tx = make_optimizer(train)
    everywhere = sharding.replicated(mesh)
    init = functools.partial(init_state, model, tx, image_shape, train.seed)
    checkpoints = Checkpoints(directory)
    abstract = abstract_like(jax.eval_shape(init), everywhere)
    found = checkpoints.restore_newest(train=abstract.replace(ema=None), ema=abstract.ema)
    if found is None:
        start, state = 0, jax.jit(init, out_shardings=everywhere)()
    else:
        start, (saved, ema) = found
        state = saved.replace(ema=ema)
        checkpoints.drop_after(start)

    run_step = jit_train_step(settings, model, tx, mesh)
    y, share = stats.standardise(labels), settings.data.labelled_share
    logs = MetricLogs(directory, start)
    pending = []
    try:
        with stop_request() as asked, tqdm(total=train.steps, initial=start, unit="step", desc=dataset.name) as bar:
            for step, batch in enumerate(host_batches(split, y, start, train, share), start):
                state, metrics = run_step(state, sharding.to_devices(batch, mesh))
                pending.append(metrics)
                is_last = step + 1 == train.steps
                save = (step + 1) % train.checkpoint_every == 0 or is_last
                if save or (step + 1) % train.log_every == 0:
                    values = _finite_means(pending, step + 1 - len(pending), directory, checkpoints.latest)
                    rate = logs.write(step + 1, values, len(pending) * train.batch_size)
                    bar.set_postfix_str(f"loss {values['loss']:.4f}, {rate:.0f} images/s")
                    pending = []
                if save or asked.is_set():
                    checkpoints.save(step + 1, state.replace(ema=None), state.ema)
                bar.update()
                if asked.is_set() and not is_last:
                    checkpoints.wait()
                    raise Stopped(f"stopped as asked after step {step + 1}, which is saved: the same command goes on")
        checkpoints.wait()
        if settings.sample.action == "direction":
            workdir.write_readout(directory, fit_readout(model, state.ema, split.images, y))
    finally:
        checkpoints.close()
        seconds = logs.close()
    summary = {
        "steps": train.steps,
        "images": train.steps * train.batch_size,
        "seconds": round(seconds, 1),
        "device": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(state.params)),
    }
    (directory / "train.json").write_text(json.dumps(summary, indent=2) + "\n")
    return directory


def fit_readout(model: CausalDiffAE, params, images: np.ndarray, y: np.ndarray) -> readout.Readout:
    """The linear reading of standardised labels y [N, n] from the latents of images [N, H, W, C] uint8."""
    params = jax.device_get(params)  # every process fits the same by itself

    @jax.jit
    def encode(images):
        u, _ = model.apply(params, to_unit(images), method="encode")
        return model.apply(params, u, method="propagate")

    num, size = min(len(images), READOUT_IMAGES), 100
    starts = tqdm(range(0, num, size), "readout", unit="batch")
    z = np.concatenate([np.asarray(encode(np.asarray(images[start : min(start + size, num)]))) for start in starts])
    return readout.fit(z, y[:num])


def _finite_means(pending: list[dict], first_step: int, directory: pathlib.Path, good: int | None) -> dict[str, float]:
    """Means over the logged steps. Raises NonFiniteLoss naming the first step whose loss is not finite."""
    values = jax.device_get(pending)
    for i, metrics in enumerate(values):
        if not np.isfinite(metrics["loss"]):
            last = f"the last good checkpoint is step {good} in {directory}/checkpoints" if good else "none was saved"
            raise NonFiniteLoss(
                f"the loss is {metrics['loss']} at step {first_step + i + 1}; {last}:"
                " lower config.train.learning_rate and start a new workdir"
            )
    return {name: float(np.mean([metrics[name] for metrics in values])) for name in values[0]}
