"""The table of labels of the user's own images: columns, splits, and what was set by hand. No image is read here."""

import pathlib

import numpy as np
import pandas as pd

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


def _read_cells(path: pathlib.Path) -> pd.DataFrame:
    """All cells as text, the header's too, indexed by their row in the file from 1 on; NaN where a row is too short."""
    try:  # the engine "c" takes a row that is too short for one that ends in empty cells
        cells = pd.read_csv(
            path, header=None, dtype=str, keep_default_na=False, skip_blank_lines=False, engine="python"
        )
    except (OSError, ValueError) as err:
        raise InputError(f"config.data.labels is {str(path)!r}, which cannot be read as CSV: {err}") from err
    return cells.set_axis(cells.index + 1).map(str.strip, na_action="ignore")


def read_table(path: pathlib.Path) -> tuple[str, pd.DataFrame]:
    """The name of the key column ("file" or "index"), and the cells below the header as text, indexed by row of the
    file. Rows and columns without any cell, as spreadsheets leave them, are left out.

    Raises:
      InputError: no readable CSV file, no key column, repeated keys or columns, or a row that is too long or short.
    """
    cells = _read_cells(path)
    filled = cells.notna() & (cells != "")
    cells = cells.loc[filled.any(axis=1), filled.any()]
    if len(cells) < 2:
        raise InputError(f"{path} has no rows below its header: expected one for every image")
    header, table = cells.iloc[0], cells.iloc[1:]
    again = header[header.duplicated()]
    if len(again):
        raise InputError(f"{path} has more than one column {some(map(repr, again))}: give each another name")
    uneven = cells.index[cells.isna().any(axis=1)]
    if len(uneven):
        raise InputError(
            f"{path} has rows without {len(header)} cells: rows {some(uneven)} (the header is row {header.name})"
        )
    table = table.set_axis(list(header), axis=1)
    key = next((name for name in ("file", "index") if name in table), None)
    if key is None:
        raise InputError(f"{path} has neither a column 'file' nor 'index': its columns are {', '.join(header)}")
    repeated = table[key][table[key].duplicated()]
    if len(repeated):
        raise InputError(f"{path} names images twice in its column {key!r}: {some(repeated)}")
    return key, table


def read_labels(path: pathlib.Path, table: pd.DataFrame, graph: CausalGraph) -> np.ndarray:
    """[N, n] float32 in the graph's order, NaN where the cell is empty.

    Raises:
      InputError: a variable without a column, cells that are no numbers or not of the variable's kind, a constant
        column, fewer than 50 labelled images.
    """
    missing = [name for name in graph.names if name not in table]
    if missing:
        raise InputError(f"{path} has no column for {some(missing)} of the graph: its columns are {some(table)}")
    labels = table[list(graph.names)].apply(pd.to_numeric, errors="coerce")
    for var in graph.variables:
        cells, values = table[var.name], labels[var.name]
        right = np.isfinite(values) if var.kind == "continuous" else values.isin(range(var.classes))
        wrong = cells[~right & (cells != "")]
        if len(wrong):
            expected = "a number" if var.kind == "continuous" else f"a whole number from 0 to {var.classes - 1}"
            raise InputError(
                f"{path} has in the column of the {var.kind} variable {var.name!r}:"
                f" {some(f'{cell!r} in row {row}' for row, cell in wrong.items())};"
                f" expected {expected}, or an empty cell for a missing label"
            )
        known = values.dropna()
        if len(known) < MIN_LABELLED:
            raise InputError(
                f"{path} has {len(known)} labels of {var.name!r}: expected at least {MIN_LABELLED}; label more images"
            )
        if known.nunique() == 1:
            raise InputError(
                f"{path} has the same value, {known.iloc[0]:g}, for every label of {var.name!r}:"
                " leave it out of the graph"
            )
    return labels.to_numpy(np.float32)


def read_interventions(path: pathlib.Path, column: str, table: pd.DataFrame, graph: CausalGraph) -> np.ndarray:
    """[N, n] bool: the variables that the cells of `column` name, separated by spaces; an empty cell names none.

    Raises:
      InputError: no such column, or a name that is no variable.
    """
    if column not in table:
        raise InputError(f"config.data.do_column is {column!r}: the columns of {path} are {some(table)}")
    named = table[column].str.split()
    wrong = sorted(set(named.explode().dropna()) - set(graph.names))
    if wrong:
        raise InputError(
            f"{path} has {some(map(repr, wrong))} in the column {column!r}: expected names of variables"
            f" ({', '.join(graph.names)}), separated by spaces, or an empty cell"
        )
    return np.array([[name in names for name in graph.names] for names in named])


def split_rows(table: pd.DataFrame, data: Custom) -> tuple[np.ndarray, np.ndarray]:
    """Positions in the table of the training and of the test split.

    Raises:
      InputError: an unknown column or mark, a fraction that is none, or an empty split.
    """
    num = len(table)
    if data.split_column:
        if data.split_column not in table:
            raise InputError(
                f"config.data.split_column is {data.split_column!r}: the columns of {data.labels} are {some(table)}"
            )
        marks = table[data.split_column]
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
