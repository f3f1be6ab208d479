"""Which images are for training, for validation and for tests, and what was set by hand in those of a table."""

import dataclasses
import hashlib
import re

import numpy as np
import pandas as pd

from cdae_jax.data.dataset import Dataset
from cdae_jax.data.settings import Custom
from cdae_jax.data.table import some
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, did_you_mean

VALIDATION = ("validation", "val")  # in a split column
MIN_VALIDATION, MAX_VALIDATION = 32, 2_000


def validation_part(num: int, share: float) -> float:
    """The share of `num` training images that become validation images: the one asked for, raised to give
    MIN_VALIDATION images (to a fifth at most) or lowered to give MAX_VALIDATION; 0 stays 0."""
    return min(max(share, min(MIN_VALIDATION / num, 0.2)), MAX_VALIDATION / num) if share else 0.0


def with_validation(dataset: Dataset, share: float, seed: int) -> Dataset:
    """The dataset with random training images, of those in which no variable was set, moved to the validation split;
    unchanged where share is 0."""
    alone = np.flatnonzero(~dataset.train.was_set.any(1))
    num = round(validation_part(len(dataset.train), share) * len(alone))
    if not num:
        return dataset
    taken = np.random.default_rng([seed, 31]).permutation(alone)[:num]
    left = np.delete(np.arange(len(dataset.train)), taken)
    return dataclasses.replace(dataset, train=dataset.train.take(left), validation=dataset.train.take(taken))


def read_interventions(where, column: str, table: pd.DataFrame, graph: CausalGraph) -> np.ndarray:
    """[N, n] bool: the variables that the cells of `column` name, separated by commas, semicolons or, if no name has
    one, spaces; an empty cell names none.

    Raises:
      InputError: no such column, or a name that is no variable.
    """
    _check_column("do_column", column, where, table)
    between = "[,;]" if any(" " in name for name in graph.names) else r"[,;\s]"
    named = [{name.strip() for name in re.split(between, cell)} - {""} for cell in table[column]]
    wrong = sorted(set().union(*named) - set(graph.names))
    if wrong:
        raise InputError(
            f"{where} has {some(map(repr, wrong))} in the column {column!r}: expected names of variables"
            f" ({', '.join(graph.names)}), separated by commas, or an empty cell"
        )
    return np.array([[name in names for name in graph.names] for names in named])


def split_rows(
    table: pd.DataFrame, data: Custom, key: str = "file", was_set: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions in the table of the training, the validation and the test split, in a random order that stays, since a
    table may be sorted; the second may be empty. key is the column that names the images, was_set [N] bool those in
    which a variable was set, None where none was.

    Without a split column an image is a test image if the hash of the seed and its key, or its group, is among the
    lowest `test_fraction` of all hashes: it stays where it is whatever rows come, go, or change their order. Likewise
    the validation images, by another hash, where no column says which they are; those in which a variable was set stay
    training images unless their group does not.

    Raises:
      InputError: an unknown column or mark, a fraction that is none, a group on both sides, or an empty split.
    """
    groups = table[key]
    if data.group_column:
        _check_column("group_column", data.group_column, data.labels, table)
        groups = table[data.group_column].where(table[data.group_column] != "", groups)
    if data.split_column:
        _check_column("split_column", data.split_column, data.labels, table)
        marks = table[data.split_column].replace(VALIDATION[1], VALIDATION[0])
        wrong = sorted(set(marks) - {"train", "test", VALIDATION[0]})
        if wrong:
            raise InputError(f"the column {data.split_column!r} has {some(wrong)}: expected train, validation or test")
        split = marks.to_numpy(object, copy=True)
    else:
        if not 0 < data.test_fraction < 1:
            raise InputError(f"config.data.test_fraction is {data.test_fraction}: expected a number between 0 and 1")
        split = np.array(["test" if _share(data.seed, of) < data.test_fraction else "train" for of in groups], object)
    if not (split == VALIDATION[0]).any():
        part = validation_part(max(1, (split == "train").sum()), data.validation_share)
        held = np.array([_share(f"{VALIDATION[0]} {data.seed}", of) < part for of in groups])
        if was_set is not None and not data.group_column:
            held &= ~was_set
        split[held & (split == "train")] = VALIDATION[0]
    both = [of for of, marks in pd.Series(split).groupby(groups.to_numpy()).nunique().items() if marks > 1]
    if both:
        raise InputError(
            f"the column {data.split_column!r} puts images of the group {some(both)} on both sides: put each on one"
        )
    order = np.argsort([_share("order", of) for of in table[key]], kind="stable")
    train, validation, test = (order[split[order] == name] for name in ("train", VALIDATION[0], "test"))
    for name, rows in (("training", train), ("test", test)):
        if not len(rows):
            raise InputError(
                f"the {name} split of {len(table)} images is empty: change config.data.test_fraction, config.data.seed"
                " or the split column"
            )
    return train, validation, test


def _share(seed: int | str, group: str) -> float:
    """A number in [0, 1), even over all groups, that seed and group decide."""
    digest = hashlib.blake2b(f"{seed}:{group}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _check_column(setting: str, column: str, where, table: pd.DataFrame) -> None:
    if column not in table:
        close = did_you_mean(column, table)
        raise InputError(f"config.data.{setting} is {column!r}: the columns of {where} are {some(table)}{close}")
