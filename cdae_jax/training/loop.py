"""The loop around `step.train_step`: data in, checkpoints and logs out."""

import contextlib
import dataclasses
import json
import pathlib
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import NamedTuple

import jax
import numpy as np

from cdae_jax.counterfactual import readout
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.freedom import hardly_shown
from cdae_jax.data.labels import LabelStats
from cdae_jax.data.pipeline import batches, label_columns, make_dataset
from cdae_jax.data.pixels import to_unit
from cdae_jax.distributed import processes, sharding
from cdae_jax.errors import InputError
from cdae_jax.model.causal_diffae import CausalDiffAE
from cdae_jax.paths import expanded, write_whole
from cdae_jax.precision import in_float32
from cdae_jax.progress import tqdm
from cdae_jax.settings.run import Settings
from cdae_jax.settings.sections import Train
from cdae_jax.training import workdir
from cdae_jax.training.checkpoint import Checkpoints
from cdae_jax.training.logs import MetricLogs
from cdae_jax.training.mechanisms import class_effects, fit_mechanisms
from cdae_jax.training.optimizer import make_optimizer
from cdae_jax.training.origin import Origin, check_fits
from cdae_jax.training.step import Setup, jit_train_step, loss_weights, mesh_of

READOUT_IMAGES = 10_000
LOG_EVERY = 100  # steps, or half as many as from one checkpoint to the next if that is less


class Stopped(Exception):
    """Training was asked to stop (SIGTERM, Ctrl-C) and did, with everything saved; the message says so."""


@contextlib.contextmanager
def stop_request() -> Iterator[threading.Event]:
    """For a with block: an event that is set by SIGTERM, which schedulers send, and by the first Ctrl-C; a second
    Ctrl-C interrupts at once. It works in the main thread only."""
    asked, before = threading.Event(), {}

    def ask(*_):
        asked.set()
        if signal.SIGINT in before:
            signal.signal(signal.SIGINT, before[signal.SIGINT])

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as of a command in the background
                before[number] = signal.signal(number, ask)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class NonFiniteLoss(RuntimeError):
    """The loss became NaN or infinite; the message names the step and the last good checkpoint."""


def host_batches(
    split: Split, y: np.ndarray, start: int, train: Train, labelled_share: float = 0.0
) -> Iterator[dict[str, np.ndarray]]:
    """This process's part of the batch of every step after `start`: "image", "y", "context", "intervened", as
    `step.train_step` takes them.

    y [N, n] are standardised labels in the order of the model's variables, which replace those of the split; its
    `intervened` has the same columns. For labelled_share see `pipeline.pools`.
    """
    standardised = dataclasses.replace(split, labels=y)
    here = (jax.process_index(), jax.process_count())
    for batch in batches(standardised, start, train.steps, train.batch_size, train.seed, *here, labelled_share):
        context = np.zeros(len(batch), np.int32) if batch.context is None else batch.context
        yield {"image": batch.images, "y": batch.labels, "context": context, "intervened": batch.was_set}


class Examples(NamedTuple):
    """A training split as `host_batches` takes it; its `intervened` and y [N, n] are in the order of the model's
    variables, y standardised by `stats`."""

    split: Split
    y: np.ndarray
    stats: LabelStats


def examples_of(settings: Settings, dataset: Dataset) -> Examples:
    """The training split as `host_batches` takes it. Raises InputError for a batch that is larger than the data, and
    for labels that cannot be learned from."""
    split = dataset.train.with_labels(settings.data.label_fraction, settings.data.seed)
    if settings.train.batch_size > len(split):
        raise InputError(
            f"config.train.batch_size is {settings.train.batch_size}, more than the {len(split)} training images:"
            " use a smaller batch or more data"
        )
    columns = label_columns(dataset, settings.graph)
    labels, was_set = split.labels[:, columns], split.was_set[:, columns]
    stats = LabelStats.of(labels[~was_set.any(1)], settings.graph, settings.model.label_scale)
    if was_set.any():
        stats = stats.seen_with(labels)
    return Examples(dataclasses.replace(split, intervened=was_set), stats.standardise(labels), stats)


@in_float32
def train_model(settings: Settings, directory: str | pathlib.Path, init_from: Origin | None = None) -> pathlib.Path:
    """Trains into a workdir, or goes on where a run of the same settings stopped; returns the workdir.

    If more steps are asked for than before, the run first finishes those asked for before, and then trains a segment
    with a warm-up and a decay of the learning rate of its own (`segments`).

    With `init_from` the first weights are another model's, of the same architecture: the averaged ones, at step 0, with
    a new optimiser. Labels are standardised by this run's data: where their means and deviations differ, the weights
    start on the old model's scale and have to learn the new one.

    Leaves config.json, segments.json, model.json, graph.png, metrics.jsonl, TensorBoard event files, train.json and
    checkpoints/; readout.npz too if config.train.gamma is 0, and init_from.json. Raises InputError for bad settings or
    data, data that has changed, weights that do not fit, or a workdir of other settings, NonFiniteLoss if training
    diverged, and Stopped when SIGTERM or Ctrl-C arrived and what was done is saved.
    """
    settings = settings.resolved()
    directory, train, mesh = expanded(directory), settings.train, mesh_of(settings)
    segments = workdir.check_workdir(directory, settings, init_from.source if init_from else None)
    chosen = workdir.chosen_mechanisms(directory)
    settings = settings.with_mechanisms(class_effects(settings) if chosen is None else chosen)
    dataset = make_dataset(settings.data, settings.graph)
    split, y, stats = examples_of(settings, dataset)
    image_shape, is_first = split.images.shape[1:], processes.is_first()
    workdir.check_dataset(directory, dataset)
    if is_first and not workdir.has_checkpoint(directory):
        for effect in hardly_shown(y, split.was_set, settings.graph, settings.draws_parts):
            print(effect, flush=True)
    mechanisms = None
    if train.mechanisms == "labels" and not workdir.has_checkpoint(directory):
        fitted = fit_mechanisms(settings, y, split.was_set)
        settings, mechanisms = settings.with_mechanisms(fitted.kinds), fitted.params

    parts = [part.settings(settings) for part in segments]
    setup = Setup(parts[0], mesh, image_shape, dataset.num_classes)
    model, abstract, weights = setup.model, setup.abstract, None
    if workdir.needs_weights(directory, init_from):
        weights = init_from.read()
        check_fits(weights, init_from.source, settings, image_shape, dataset.num_classes, abstract.params)
    checkpoints, found = None, None
    if workdir.has_checkpoint(directory):  # another version's is refused before anything is written
        checkpoints = Checkpoints(directory)
        found = checkpoints.restore_newest(train=abstract.replace(ema=None), ema=abstract.ema)
    processes.wait_for_all("checked")
    if is_first:
        origin = {"source": init_from.source, "digest": weights.digest} if weights else None
        workdir.claim(directory, settings, segments, origin)
        workdir.write_model(directory, dataset, stats)
        from cdae_jax.plots.graphs import draw_graph  # Matplotlib takes a second to import

        draw_graph(directory / "graph.png", settings.graph)
    processes.wait_for_all("claimed")

    checkpoints = checkpoints or Checkpoints(directory)
    if found is None:
        lowered = setup.lower(train.batch_size)
        with futures.ThreadPoolExecutor(1) as beside:
            compiled = beside.submit(lowered.compile)  # while the state is made
            start, state = 0, setup.first_state(weights.params if weights else None, mechanisms)
        first_step = compiled.result()
        if weights is not None:
            checkpoints.save(0, state.replace(ema=None), state.ema)
    else:
        start, (saved, ema) = found
        state, first_step = saved.replace(ema=ema), None
        processes.wait_for_all("restored")
        checkpoints.drop_after(start)

    def steps_left() -> Iterator[tuple[int, Callable, dict[str, np.ndarray]]]:
        """The number of each step, the function that takes it, and its batch."""
        for segment, part in zip(segments, parts, strict=True):
            done = max(start, segment.start)
            if done >= segment.stop:
                continue
            run_step = first_step
            if done or first_step is None:
                tx, first = make_optimizer(part.train, segment.start, mesh), loss_weights(parts[0].train)
                run_step = jit_train_step(part, model, tx, mesh, setup.shardings, first)
            fed = host_batches(split, y, done, part.train, settings.data.labelled_share)
            yield from ((step, run_step, batch) for step, batch in enumerate(fed, done + 1))

    if is_first and start < train.steps:
        workdir.reopen(directory)
        if len(segments) > 1:
            left = "; ".join(str(segment) for segment in segments if segment.stop > start)
            print(f"going on from step {start}: {left}")
    logs = MetricLogs(directory, start) if is_first else None
    pending, log_every = [], min(LOG_EVERY, max(1, train.checkpoint_every // 2))
    try:
        with (
            stop_request() as asked,
            tqdm(desc=dataset.name, unit="step", total=train.steps, initial=start, disable=not is_first) as bar,
            processes.ending_if_one_is_lost(),
        ):
            for step, run_step, batch in steps_left():
                state, metrics = run_step(state, sharding.to_devices(batch, mesh))
                pending.append(metrics)
                is_last = step == train.steps
                save = is_last or step % train.checkpoint_every == 0
                if save or step % log_every == 0:
                    values = _finite_means(pending, step - len(pending) + 1, directory, checkpoints)
                    if logs is not None:
                        rate = logs.write(step, values, len(pending) * train.batch_size)
                        bar.set_postfix_str(f"loss {values['loss']:.4f}, {rate:.0f} images/s")
                    pending = []
                stop = not is_last and processes.any_process(asked.is_set(), step)
                if save or stop:
                    checkpoints.save(step, state.replace(ema=None), state.ema)
                bar.update()
                if stop:
                    bar.set_postfix_str("stopping: what was done is being saved")
                    checkpoints.wait()
                    raise Stopped(f"stopped as asked after step {step}, which is saved: the same command goes on")
        checkpoints.wait()
        if not settings.is_aligned:
            params = jax.jit(lambda tree: tree, out_shardings=sharding.replicated(mesh))(state.ema)
            found = readout_of(model, params, split.images, y)
            if is_first:
                workdir.write_readout(directory, found)
    finally:
        seconds = 0.0 if logs is None else logs.close()
        checkpoints.close()
    if is_first:
        summary = {
            "steps": train.steps,
            "images": train.steps * train.batch_size,
            "seconds": round(seconds, 1),
            "device": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
            "parameters": sum(leaf.size for leaf in jax.tree.leaves(state.params)),
        }
        write_whole(directory / "train.json", json.dumps(summary, indent=2) + "\n")
    return directory


def readout_of(model: CausalDiffAE, params, images: np.ndarray, y: np.ndarray) -> readout.Readout:
    """The linear reading of standardised labels y [N, n] from the latents of images [N, H, W, C] uint8."""
    params = jax.device_get(params)  # every process fits the same by itself

    @jax.jit
    def encode(images):
        bound = model.bind(params)
        u, _ = bound.encoder(to_unit(images))
        return bound.scm(u)

    num, size = min(len(images), READOUT_IMAGES), 100
    starts = tqdm(range(0, num, size), "readout", unit="batch")
    z = np.concatenate([np.asarray(encode(np.asarray(images[start : min(start + size, num)]))) for start in starts])
    return readout.fit_readout(z, y[:num])


def _finite_means(pending: list[dict], first: int, directory: pathlib.Path, checkpoints: Checkpoints) -> dict:
    """Means over the steps from `first` on. Raises NonFiniteLoss naming the first whose loss is not finite."""
    values = jax.device_get(pending)
    for step, metrics in enumerate(values, first):
        if not np.isfinite(metrics["loss"]):
            try:
                good = checkpoints.latest
                last = f"the last good checkpoint is step {good} in {directory}/checkpoints"
                if not good:
                    last = "none was saved"
            except InputError as err:  # of the save before
                last = str(err)
            raise NonFiniteLoss(
                f"the loss is {metrics['loss']} at step {step}; {last}:"
                " lower config.train.learning_rate and start a new workdir"
            )
    return {name: float(np.mean([metrics[name] for metrics in values])) for name in values[0]}
