"""From settings to a dataset, and from a split in memory to batches (Grain)."""

import functools
import os
from collections.abc import Iterator

import grain
import numpy as np

from cdae_jax.data import causal_circuit, circuit, custom, morpho_mnist, pendulum
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph
from cdae_jax.settings import Settings

THREADS, PREFETCH = min(16, os.cpu_count() or 1), 8  # batches made at the same time, and kept ready


def make_dataset(settings: Settings) -> Dataset:
    """The dataset that `config.data` names. Raises InputError for settings it cannot follow."""
    data = settings.data
    if data.name == "pendulum":
        return pendulum.make_dataset(data.sampling, data.resolution, data.train_size, data.test_size, data.seed)
    if data.name == "circuit_lookalike":
        return circuit.make_lookalike(data.resolution, data.train_size, data.test_size, data.seed)
    if data.name == "causal_circuit":
        return causal_circuit.make_dataset(data.circuit_dir, data.resolution, data.train_size, data.test_size)
    if data.name == "custom":
        return custom.make_dataset(data, settings.graph)
    if data.resolution != 28:
        raise InputError(f"config.data.resolution is {data.resolution}: MorphoMNIST's images have 28 pixels a side")
    return morpho_mnist.make_dataset(data.mnist_dir, data.data_dir, data.train_size, data.test_size, data.seed)


def label_columns(dataset: Dataset, graph: CausalGraph) -> list[int]:
    """Where the graph's variables stand among the dataset's label columns. Raises InputError for an unknown one."""
    return [dataset.graph.index(name) for name in graph.names]


@functools.lru_cache(maxsize=2)
def _order(num: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(num)


def rows_at(num: int, step: int, batch_size: int, seed: int) -> np.ndarray:
    """Rows of the batch of a training step: a function of (seed, step), so that the step is the data's position.

    Every epoch is a new order of the split; what does not fill a batch is left to the next epoch.
    """
    per_epoch = num // batch_size
    epoch, i = divmod(step, per_epoch)
    return _order(num, seed, epoch)[i * batch_size : (i + 1) * batch_size]


def batches(
    split: Split,
    first: int,
    stop: int,
    batch_size: int,
    seed: int,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Split]:
    """The batches of steps first..stop-1, made ahead in threads.

    Args:
      batch_size: of all processes together; a multiple of process_count.
      process_index: which of the equal parts of every batch to give.
    """
    part = batch_size // process_count
    ours = slice(process_index * part, (process_index + 1) * part)
    steps = grain.MapDataset.range(first, stop)
    made = steps.map(lambda step: split.take(rows_at(len(split), step, batch_size, seed)[ours]))
    return iter(made.to_iter_dataset(grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=PREFETCH)))
