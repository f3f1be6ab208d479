"""The table of labels of the user's own images: columns, splits, and what was set by hand. No image is read here."""

import csv
import math
import pathlib

import numpy as np

from cdae_jax.data.settings import Custom
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph

MIN_LABELLED = 50
SHOWN = 5  # offenders named in a message


def some(items) -> str:
    """ "a, b, c and 4 more" """
    items = list(items)
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return ", ".join(map(str, items[:SHOWN])) + more


def read_table(path: pathlib.Path) -> tuple[str, list[str], dict[str, list[str]]]:
    """The name and the cells of the key column ("file" or "index"), and the cells of every column by name.

    Raises:
      InputError: no readable CSV file, no key column, repeated keys or columns, or a row that is too long or short.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise InputError(f"config.data.labels is {str(path)!r}, which cannot be read as CSV: {err}") from err
    if len(rows) < 2:
        raise InputError(f"{path} has no rows below its header: expected one for every image")
    header = [name.strip() for name in rows[0]]
    if len(set(header)) < len(header):
        raise InputError(f"{path} has the columns {some(header)}: give each another name")
    uneven = [i for i, row in enumerate(rows[1:], start=2) if len(row) != len(header)]
    if uneven:
        raise InputError(f"{path} has rows without {len(header)} cells: rows {some(uneven)} (the header is row 1)")
    key = next((name for name in ("file", "index") if name in header), None)
    if key is None:
        raise InputError(f"{path} has neither a column 'file' nor 'index': its columns are {', '.join(header)}")
    columns = {name: [row[i].strip() for row in rows[1:]] for i, name in enumerate(header)}
    seen: set[str] = set()
    repeated = [cell for cell in columns[key] if cell in seen or seen.add(cell)]
    if repeated:
        raise InputError(f"{path} names images twice in its column {key!r}: {some(repeated)}")
    return key, columns[key], columns


def _number(cell: str) -> float | None:
    """NaN for an empty cell, None for what is no finite number."""
    if not cell:
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def read_labels(path: pathlib.Path, columns: dict[str, list[str]], graph: CausalGraph) -> np.ndarray:
    """[N, n] float32 in the graph's order, NaN where the cell is empty.

    Raises:
      InputError: a variable without a column, cells that are no numbers or not of the variable's kind, a constant
        column, fewer than 50 labelled images.
    """
    missing = [name for name in graph.names if name not in columns]
    if missing:
        raise InputError(f"{path} has no column for {some(missing)} of the graph: its columns are {some(columns)}")
    labels = []
    for var in graph.variables:
        values = [_number(cell) for cell in columns[var.name]]
        allowed = range(var.classes)
        wrong = [
            f"{cell!r} in row {row}"
            for row, (cell, value) in enumerate(zip(columns[var.name], values, strict=True), start=2)
            if value is None or (var.kind != "continuous" and not math.isnan(value) and value not in allowed)
        ]
        if wrong:
            expected = "a number" if var.kind == "continuous" else f"a whole number from 0 to {var.classes - 1}"
            raise InputError(
                f"{path} has in the column of the {var.kind} variable {var.name!r}: {some(wrong)};"
                f" expected {expected}, or an empty cell for a missing label"
            )
        known = [value for value in values if not math.isnan(value)]
        if len(known) < MIN_LABELLED:
            raise InputError(
                f"{path} has {len(known)} labels of {var.name!r}: expected at least {MIN_LABELLED}; label more images"
            )
        if min(known) == max(known):
            raise InputError(
                f"{path} has the same value, {known[0]:g}, for every label of {var.name!r}: leave it out of the graph"
            )
        labels.append(values)
    return np.array(labels, np.float32).T


def read_interventions(
    path: pathlib.Path, column: str, columns: dict[str, list[str]], graph: CausalGraph
) -> np.ndarray:
    """[N, n] bool: the variables that the cells of `column` name, separated by spaces; an empty cell names none.

    Raises:
      InputError: no such column, or a name that is no variable.
    """
    if column not in columns:
        raise InputError(f"config.data.do_column is {column!r}: the columns of {path} are {some(columns)}")
    named = [cell.split() for cell in columns[column]]
    wrong = sorted({name for names in named for name in names} - set(graph.names))
    if wrong:
        raise InputError(
            f"{path} has {some(map(repr, wrong))} in the column {column!r}: expected names of variables"
            f" ({', '.join(graph.names)}), separated by spaces, or an empty cell"
        )
    return np.array([[name in names for name in graph.names] for names in named])


def split_rows(num: int, data: Custom, columns: dict[str, list[str]]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the training and of the test split. Raises InputError for an unknown column, mark or empty split."""
    if data.split_column:
        if data.split_column not in columns:
            raise InputError(
                f"config.data.split_column is {data.split_column!r}: the columns of {data.labels} are {some(columns)}"
            )
        marks = np.array(columns[data.split_column])
        wrong = sorted(set(marks) - {"train", "test"})
        if wrong:
            raise InputError(f"the column {data.split_column!r} has {some(wrong)}: expected train or test")
        train, test = np.flatnonzero(marks == "train"), np.flatnonzero(marks == "test")
    else:
        if not 0 < data.test_fraction < 1:
            raise InputError(f"config.data.test_fraction is {data.test_fraction}: expected a number between 0 and 1")
        rows = np.random.default_rng(data.seed).permutation(num)
        num_test = round(num * data.test_fraction)
        train, test = np.sort(rows[num_test:]), np.sort(rows[:num_test])
    for name, rows in (("training", train), ("test", test)):
        if not len(rows):
            raise InputError(
                f"the {name} split of {num} images is empty: change config.data.test_fraction or the split column"
            )
    return train, test
