"""Which rows of a table are for training and which for tests, and what was set by hand in their images."""

import hashlib
import re

import numpy as np
import pandas as pd

from cdae_jax.data.settings import Custom
from cdae_jax.data.table import some
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph


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


def split_rows(table: pd.DataFrame, data: Custom) -> tuple[np.ndarray, np.ndarray]:
    """Positions in the table of the training and of the test split.

    Without a split column an image is a test image if the hash of the seed and its key, or its group, is among the
    lowest `test_fraction` of all hashes: it stays where it is whatever rows come, go, or change their order.

    Raises:
      InputError: an unknown column or mark, a fraction that is none, a group on both sides, or an empty split.
    """
    groups = table["file" if "file" in table else "index"]
    if data.group_column:
        _check_column("group_column", data.group_column, data.labels, table)
        groups = table[data.group_column].where(table[data.group_column] != "", groups)
    if data.split_column:
        _check_column("split_column", data.split_column, data.labels, table)
        marks = table[data.split_column]
        wrong = sorted(set(marks) - {"train", "test"})
        if wrong:
            raise InputError(f"the column {data.split_column!r} has {some(wrong)}: expected train or test")
        is_test = (marks == "test").to_numpy()
    else:
        if not 0 < data.test_fraction < 1:
            raise InputError(f"config.data.test_fraction is {data.test_fraction}: expected a number between 0 and 1")
        is_test = np.array([_share(data.seed, group) < data.test_fraction for group in groups])
    both = sorted(set(groups[is_test]) & set(groups[~is_test]))
    if both:
        raise InputError(
            f"the column {data.split_column!r} puts images of the group {some(both)} on both sides: put each on one"
        )
    for name, rows in (("training", ~is_test), ("test", is_test)):
        if not rows.any():
            raise InputError(
                f"the {name} split of {len(table)} images is empty: change config.data.test_fraction, config.data.seed"
                " or the split column"
            )
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def _share(seed: int, group: str) -> float:
    """A number in [0, 1), even over all groups, that seed and group decide."""
    digest = hashlib.blake2b(f"{seed}:{group}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _check_column(setting: str, column: str, where, table: pd.DataFrame) -> None:
    if column not in table:
        raise InputError(f"config.data.{setting} is {column!r}: the columns of {where} are {some(table)}")
