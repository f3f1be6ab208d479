"""From settings to a dataset, and from a split in memory to batches (Grain)."""

import functools
import os
from collections.abc import Iterator

import numpy as np

from cdae_jax.data import custom, pendulum
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.settings import Data
from cdae_jax.data.splits import with_validation
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph

THREADS, PREFETCH = min(16, os.cpu_count() or 1), 8  # batches made at the same time, and kept ready


def make_dataset(data: Data, graph: CausalGraph) -> Dataset:
    """The dataset that the settings name, with its validation images. `graph` is used for the user's own images, for
    CelebA's attributes and the light tunnel's columns, and says whether MorphoMNIST's digit is a variable.

    Raises InputError for settings it cannot follow and files it cannot read.
    """
    if data.name == "custom":
        return custom.make_dataset(data, graph)
    return with_validation(_known_dataset(data, graph), data.validation_share, data.seed)


def _known_dataset(data: Data, graph: CausalGraph) -> Dataset:
    """A dataset that comes with its graph, before validation images are taken from it."""
    if data.name == "causal_chamber":
        from cdae_jax.data import causal_chamber

        return causal_chamber.make_dataset(data, graph)
    if data.name == "causal_chamber_simulated":
        from cdae_jax.data import simulated_chamber

        return simulated_chamber.make_dataset(data, graph)
    sizes = (data.resolution, data.train_size, data.test_size)
    if data.name == "pendulum":
        return pendulum.make_dataset(data.sampling, *sizes, data.seed, data.interventional_share)
    # Of the datasets below each imports what the others need not wait for.
    if data.name == "celeba":
        from cdae_jax.data import celeba

        return celeba.make_dataset(data, graph)
    if data.name == "circuit_lookalike":
        from cdae_jax.data import circuit

        return circuit.make_lookalike(*sizes, data.seed, data.interventional_share)
    if data.name == "causal_circuit":
        from cdae_jax.data import causal_circuit

        return causal_circuit.make_dataset(data.circuit_dir, *sizes)
    if data.resolution != 28:
        raise InputError(f"config.data.resolution is {data.resolution}: MorphoMNIST's images have 28 pixels a side")
    from cdae_jax.data import morpho_mnist

    made = morpho_mnist.make_dataset(data.mnist_dir, data.data_dir, data.train_size, data.test_size, data.seed)
    return morpho_mnist.with_digit(made) if morpho_mnist.DIGIT.name in graph.names else made


def label_columns(dataset: Dataset, graph: CausalGraph) -> list[int]:
    """Where the graph's variables stand among the dataset's label columns. Raises InputError for an unknown one."""
    return [dataset.graph.index(name) for name in graph.names]


@functools.lru_cache(maxsize=4)
def _order(num: int, seed: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(seed).permutation(num)


def pools(labels: np.ndarray, batch_size: int, labelled_share: float) -> list[tuple[np.ndarray, int]]:
    """The pools that batches are drawn from, each as (rows of labels [N, n], how many of them are in a batch).

    There is one pool, unless that would leave less than labelled_share of a batch labelled. Labelled and unlabelled
    rows (NaN in every column) are then pools of their own, so that labels act on the encoder at every step.
    """
    labelled = np.isfinite(labels).any(1)
    wanted = round(labelled_share * batch_size)
    if labelled.mean() * batch_size >= wanted:
        return [(np.arange(len(labels)), batch_size)]
    given, rest = np.flatnonzero(labelled), np.flatnonzero(~labelled)
    wanted = min(wanted, len(given))
    return [(rows, count) for rows, count in ((given, wanted), (rest, batch_size - wanted)) if count]


def batches(
    split: Split,
    first: int,
    stop: int,
    batch_size: int,
    seed: int,
    process_index: int = 0,
    process_count: int = 1,
    labelled_share: float = 0.0,
) -> Iterator[Split]:
    """The batches of steps first..stop-1, made ahead in threads; labelled_share as in `pools`.

    A batch follows from (seed, step) alone. Every epoch has a new order of the rows; rows left over at its end are
    skipped. batch_size is that of all processes together, a multiple of process_count; process_index says which of the
    equal parts of every batch to return.
    """
    import grain  # takes a second to import

    part = batch_size // process_count
    drawn = pools(split.labels, batch_size, labelled_share)

    def make(step: int) -> Split:
        chosen = []
        for i, (rows, count) in enumerate(drawn):
            epoch, at = divmod(step, len(rows) // count)
            order = _order(len(rows), (seed, epoch, i) if i else (seed, epoch))
            chosen.append(rows[order[at * count : (at + 1) * count]])
        return split.take(np.concatenate(chosen)[process_index * part : (process_index + 1) * part])

    made = grain.MapDataset.range(first, stop).map(make)
    return iter(made.to_iter_dataset(grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=PREFETCH)))
