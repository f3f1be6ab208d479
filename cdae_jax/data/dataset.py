"""What every dataset is: its splits, a causal graph, and what is known of the true mechanisms."""

import dataclasses
from collections.abc import Callable

import numpy as np

from cdae_jax.data.image_files import ImageFiles
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph


@dataclasses.dataclass(frozen=True)
class Split:
    """Examples; their images are in memory, or files that are decoded when they are read."""

    images: np.ndarray | ImageFiles  # [N, H, W, C] uint8, or files that read like such an array
    labels: np.ndarray  # [N, n] float in physical units (classes: codes), columns in the graph's order; NaN unlabelled
    context: np.ndarray | None = None  # [N] int32 class of a categorical condition outside the graph (a digit)
    # [N, n] bool: variables that were set by hand, whose values say nothing of their mechanisms; None if none were.
    intervened: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: slice | np.ndarray) -> "Split":
        """The examples at these rows; image files are decoded unless `rows` is a slice."""
        optional = (None if array is None else array[rows] for array in (self.context, self.intervened))
        return Split(self.images[rows], self.labels[rows], *optional)

    @property
    def was_set(self) -> np.ndarray:
        """`intervened` [N, n], all False where none is given."""
        return np.zeros(self.labels.shape, bool) if self.intervened is None else self.intervened

    def with_labels(self, fraction: float, seed: int) -> "Split":
        """The same examples, of which a random fraction in (0, 1], at least one, keeps its labels; the others have NaN.

        The labelled rows of a smaller fraction are among those of a larger one with the same seed.
        """
        if fraction == 1:
            return self
        kept = np.random.default_rng([seed, 29]).permutation(len(self))[: max(1, round(fraction * len(self)))]
        labels = np.full_like(self.labels, np.nan)
        labels[kept] = self.labels[kept]
        return dataclasses.replace(self, labels=labels)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A dataset and what is known about it. Functions take labels in physical units, and are None where unknown."""

    name: str  # for titles
    graph: CausalGraph  # the true one; its order is that of the label columns
    train: Split
    test: Split
    validation: Split | None = None  # for choosing settings, neither trained on nor reported; None if none
    # Held-out images in which variables were set (`Split.intervened`): what do() really does; None if there are none.
    interventional: Split | None = None
    num_classes: int = 0  # of the context; 0 without context
    # (labels [N, n], mask [N, n] bool, values [N, n]) -> labels [N, n] under do(mask = values)
    true_counterfactual: Callable | None = None
    render: Callable | None = None  # labels [N, n], any combination -> images [N, H, W, C] uint8
    # images [N, H, W, C] uint8 -> labels [N, n] read from the pixels without learning; NaN what cannot be measured
    measure: Callable | None = None
    # (images [N, H, W, C] uint8, labels [N, n], generator) -> both, with labels made as independent as possible
    decorrelate: Callable | None = None


def intervene(
    labels: np.ndarray, graph: CausalGraph, true_counterfactual: Callable, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Labels [N, n], a random share of the rows put under do(), and which variables were set in each, [N, n] bool.

    In such a row each variable with parents is set with probability 1/2, at least one, to its value in a random row.
    Raises InputError for a share outside [0, 1].
    """
    if not 0 <= share <= 1:
        raise InputError(f"config.data.interventional_share is {share}: expected a number from 0 to 1")
    children = [i for i, parents in enumerate(graph.parents) if parents]
    rows = rng.permutation(len(labels))[: round(share * len(labels))]
    mask = np.zeros(labels.shape, bool)
    if not len(rows):
        return labels, mask
    coins = rng.random((len(rows), len(children))) < 0.5
    coins[np.arange(len(rows)), rng.integers(len(children), size=len(rows))] = True
    mask[rows[:, None], children] = coins
    return true_counterfactual(labels, mask, rng.permuted(labels, axis=0)), mask


def of_scenes(
    name: str, graph: CausalGraph, train: np.ndarray, test: np.ndarray, draw: Callable, share: float, seed: int, **known
) -> Dataset:
    """The dataset that `draw` renders from the labels of both splits; a share of the training rows goes through
    `intervene`, whose InputError it raises."""
    train, was_set = intervene(train, graph, known["true_counterfactual"], share, np.random.default_rng([seed, 5]))
    splits = Split(draw(train), train, intervened=was_set), Split(draw(test), test)
    return Dataset(name, graph, *splits, render=draw, **known)
