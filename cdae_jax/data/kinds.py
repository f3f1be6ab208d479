"""From the cells of a table to labels: what kind each variable is, how its classes are spelled, and its numbers."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from cdae_jax.data.settings import Custom
from cdae_jax.data.table import MISSING, by_value, key_of, read_table, some
from cdae_jax.errors import InputError
from cdae_jax.graph import AUTO, NO_HIDDEN, CausalGraph, Variable, as_number, plain

MIN_LABELLED = 50
KEEP = "none"  # config.data.missing: no value is a missing label
FAR_OUT = 5  # a repeated value further away than so many ranges of the others is probably no measurement
REPEATED = 3  # rows
UNIT = r"(%|[$€£¥]|[a-zµ°]{1,3}|°[CF]|[kMG]?Hz|[hkM]?Pa|mmHg|[µmd]L|[mk][VW]|[a-zµ]+/[a-zA-Zµ]+)"
LIKE_NUMBER = (
    rf"[+\-\u2212]?[$€£¥]?[.,]?[0-9]+([.,'\u2019][0-9]+)*\s?{UNIT}|\u2212[0-9.]+|[+-]?[0-9]*([.,'\u2019][0-9]+)+"
    r"|[+-]?[$€£¥]\s?[0-9.,]+|[0-9]{1,3}([ \u00a0\u202f][0-9]{3})+"
    r"|[0-9]{1,4}(?P<mark>[-/.])[0-9]{1,2}(?P=mark)[0-9]{1,4}([ T].*)?|[0-9]{1,2}[ -][A-Za-z]{3,9}[ -][0-9]{2,4}"
    r"|[0-9]{1,2}:[0-9]{2}(:[0-9.]+)?(\s?[AaPp][Mm])?"  # the last three: dates and times
)
WITH_WORD = r"([+\-\u2212]?[0-9][0-9.,]*)\s*([^0-9]+)"  # "20 years"
RARE = 0.01  # share of the cells that are perhaps mistakes, where all others are of two values


def known_cells(table: pd.DataFrame, name: str, missing: str = "", values: tuple = ()) -> pd.Series:
    """A variable's cells that hold a label, as text; missing as in `Custom`. A word in `values` is one, even "none"."""
    cells, listed = table[name], {value.casefold() for value in values}
    spelled = table.attrs.get("spelled", {}).get(name, {})
    kept = {row: word for row, word in spelled.items() if word.casefold() in listed}
    if kept:
        cells = cells.mask(cells.index.isin(list(kept)), pd.Series(kept, dtype=object))
    for sentinel in (plain(word) for word in missing.split(",")) if missing != KEEP else ():
        number = as_number(sentinel)
        same = cells.str.casefold() == sentinel.casefold() if number is None else by_value(cells, as_number) == number
        cells = cells[~same]
    return cells[cells != ""]


def resolve(where, table: pd.DataFrame, graph: CausalGraph, missing: str = "") -> CausalGraph:
    """The graph, with the kinds, classes and spellings that it leaves open filled in from the table.

    Words are classes, two different values are binary, other numbers continuous. What the graph says holds.

    Raises:
      InputError: a variable without a column; a variable whose cells are not of its kind, or are numbers and words.
    """
    absent = [name for name in graph.names if name not in table]
    if absent:
        raise InputError(
            f"{where} has no column for {some(absent)} of the graph: its columns are {some(table)}; {NO_HIDDEN}"
        )
    variables = []
    for var in graph.variables:
        blank = table.attrs.get("spelled", {}).get(var.name, {}).values()
        variables.append(_resolved(where, known_cells(table, var.name, missing, var.values), var, sorted(set(blank))))
    resolved = CausalGraph(tuple(variables))
    for var, new in zip(graph.variables, resolved.variables, strict=True):
        if not var.values and any(as_number(word) is None for word in new.values):
            words = pd.Series(table.attrs.get("spelled", {}).get(var.name, {}), dtype=object)
            for word, count in words.value_counts().items():
                print(
                    f'{count} cells {word!r} of {var.name!r} are read as no label: list it among "values" in the'
                    " graph if it is a class",
                    flush=True,
                )
    return resolved


def resolve_kinds(data: Custom, graph: CausalGraph) -> CausalGraph:
    """`resolve` by the table that the settings name, before a run starts.

    Raises InputError as `read_table` and `resolve` do; if there is no table for what the graph leaves open; and for a
    number that looks like a mark of missing labels, unless `data.missing` says what it means.
    """
    if not data.labels:
        open_ = [
            var.name for var in graph.variables if var.kind == AUTO or (var.kind == "categorical" and not var.classes)
        ]
        if open_:
            raise InputError(
                f"the graph does not say of which kind {some(open_)} is: set --config.data.labels to a table that"
                ' tells, or say "kind" (and "classes") in the graph'
            )
        return graph
    _, table = read_table(data.labels, key_of(data.images))
    _refuse_unused(data, table, graph)
    graph = resolve(data.labels, table, graph, data.missing)
    for var in graph.variables if data.missing not in ("", KEEP) else ():
        kept, left = (len(known_cells(table, var.name, missing, var.values)) for missing in (KEEP, data.missing))
        if kept > left:
            print(f"{kept - left} cells of {var.name!r} are no label by config.data.missing {data.missing}", flush=True)
    if data.missing != KEEP:
        for name in graph.names:
            _ask_about_sentinel(data, name, known_cells(table, name, data.missing))
    return graph


def read_labels(where, table: pd.DataFrame, graph: CausalGraph, missing: str = "") -> np.ndarray:
    """[N, n] float64 in the order of a graph whose kinds are resolved, NaN where no label is: numbers in physical units
    and codes of classes.

    Raises:
      InputError: cells that are not of the variable's kind, a constant column, a variable with fewer than 50 labels.
    """
    labels = np.full((len(table), len(graph)), np.nan)
    for i, var in enumerate(graph.variables):
        known = known_cells(table, var.name, missing, var.values)
        if var.classes:
            codes = by_value(known, functools.partial(_code_or_nan, var))
            found, expected = codes.astype(float), f"one of {some(var.words)}"
        else:
            found, expected = _numbers(known), "a number"
        _refuse(where, var, known[found.isna()], expected)
        if len(known) < MIN_LABELLED:
            raise InputError(
                f"{where} has {len(known)} labels of {var.name!r}: expected at least {MIN_LABELLED}; label more images"
            )
        _refuse_constant(where, var, known, found.nunique())
        labels[table.index.get_indexer(known.index), i] = found
    return labels


def _numbers(cells: pd.Series) -> pd.Series:
    """The finite numbers that the cells are, NaN where one is none."""
    return pd.to_numeric(by_value(cells, as_number))


def _code_or_nan(var: Variable, word: str) -> float:
    try:
        return float(var.codes(word))
    except InputError:
        return np.nan


def _refuse(where, var: Variable, cells: pd.Series, expected: str) -> None:
    if len(cells):
        kind = "" if var.kind == AUTO else f"{var.kind} "
        raise InputError(
            f"{where} has in the column of the {kind}variable {var.name!r}:"
            f" {some(f'{cell!r} in row {row}' for row, cell in cells.items())};"
            f" expected {expected}, or an empty cell for a missing label"
        )


def _refuse_constant(where, var: Variable, cells: pd.Series, num_values: int, blank: Sequence[str] = ()) -> None:
    if num_values == 1:
        has = f"{where} has the same value, {cells.iloc[0]}, for every label of {var.name!r}"
        if blank:
            fix = f'if they are a class, list it in the graph ("values": ["{blank[0]}", "{cells.iloc[0]}"])'
            raise InputError(f"{has}, and cells {some(map(repr, blank))}, which are read as no label: {fix}")
        raise InputError(f"{has}: leave it out of the graph")


def _resolved(where, cells: pd.Series, var: Variable, blank: Sequence[str]) -> Variable:
    """The variable with its kind, classes and spellings by its cells; blank: words that were read as no label."""
    if var.kind == "continuous" or var.values:
        return var
    numbers = _numbers(cells)
    if 0.5 < numbers.notna().mean() < 1:
        _refuse(where, var, cells[numbers.isna()], 'a number as in most rows (or "values" in the graph: all classes)')
    are_numbers = numbers.notna().all()
    names = [_spelled(number) for number in sorted(numbers.unique())] if are_numbers else sorted(cells.unique())
    if var.kind == AUTO and are_numbers and len(names) != 2:
        _ask_about_strays(where, var, cells, numbers)
        return dataclasses.replace(var, kind="continuous")
    _refuse_constant(where, var, cells, len(names), blank)
    if not are_numbers and var.kind == AUTO:
        words = cells[numbers.isna()]
        like = words.str.fullmatch(LIKE_NUMBER).astype(bool) | _of_one_unit(words)
        expected = (
            "numbers with a decimal point and no unit or mark of thousands, nor dates or times"
            ' ("values" in the graph: all classes)'
        )
        _refuse(where, var, words[like].drop_duplicates(), expected)
        if set(names) & {"0", "1"} and {name.casefold() for name in names} & {"yes", "no", "true", "false"}:
            _refuse(where, var, cells.drop_duplicates(), "either words or 0 and 1, not both in one column")
    alike = pd.Series(names).groupby(pd.Series(names).str.casefold()).filter(lambda same: len(same) > 1)
    if len(alike):
        raise InputError(f"{where} spells a class of {var.name!r} in different ways, {some(alike)}: write it in one")
    if not are_numbers and not var.classes:
        rare = cells[cells.map(cells.value_counts()) < REPEATED]
        expected = f'numbers, or words that {REPEATED} rows or more share ("values" in the graph: all classes)'
        _refuse(where, var, rare.drop_duplicates(), expected)
    kind = ("binary" if len(names) == 2 else "categorical") if var.kind == AUTO else var.kind
    classes = 2 if kind == "binary" else var.classes or max(2, len(names))
    if set(names) <= set(map(str, range(classes))):
        return dataclasses.replace(var, kind=kind, classes=classes)
    if len(names) != classes:
        counts = cells.map(lambda cell: _spelled(as_number(cell))) if are_numbers else cells
        told = (f"{name!r} {_where(counts.index[counts == name])}" for name in names)
        raise InputError(
            f"{where} has {len(names)} different values in the column of the {kind} variable {var.name!r}:"
            f" {some(told)}; expected {classes}, or an empty cell for a missing label"
        )
    return dataclasses.replace(var, kind=kind, classes=classes, values=tuple(names))


def _of_one_unit(cells: pd.Series) -> pd.Series:
    """Which cells are numbers with the same word behind them, if that stands behind several numbers and all cells are
    so; else none."""
    parts = cells.str.extract(rf"^{WITH_WORD}$")
    same = bool(len(cells)) and parts[1].str.casefold().str.strip().nunique(dropna=False) == 1
    return pd.Series(bool(same and parts[0].nunique() > 1), cells.index)


def _ask_about_strays(where, var: Variable, cells: pd.Series, numbers: pd.Series) -> None:
    """Raises InputError if all numbers but a few rare ones are of two values: a mistyped cell would otherwise make a
    binary variable continuous."""
    counts = numbers.value_counts()
    stray = numbers.isin(counts.index[2:])
    if len(counts) > 2 and stray.sum() < max(REPEATED, RARE * len(numbers)):
        two = " and ".join(_spelled(number) for number in sorted(counts.index[:2]))
        _refuse(where, var, cells[stray], f'{two} as in all other rows (or "kind": "continuous" in the graph)')


def _where(rows: pd.Index) -> str:
    return f"in row {rows[0]}" if len(rows) == 1 else f"in {len(rows)} rows"


def _spelled(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(float(number))


def _refuse_unused(data: Custom, table: pd.DataFrame, graph: CausalGraph) -> None:
    words = [plain(word) for word in data.missing.split(",")] if data.missing != KEEP else []
    found = {cell.casefold() for name in graph.names if name in table for cell in table[name].unique()}
    for word in words:
        if as_number(word) is None and word.casefold() not in (*found, *MISSING):
            raise InputError(
                f"config.data.missing names {word!r}, which no cell of {some(graph.names)} in {data.labels} is: correct"
                " it or leave it out"
            )


def _ask_about_sentinel(data: Custom, name: str, cells: pd.Series) -> None:
    numbers = _numbers(cells).dropna()
    ends = [end for end in (numbers.min(), numbers.max()) if (numbers == end).sum() >= REPEATED]
    for marks in (*([end] for end in ends), ends):
        others = numbers[~numbers.isin(marks)]
        gap = min((abs(others - mark).min() for mark in marks), default=0)
        if len(others) and gap > FAR_OUT * np.ptp(others) > 0:
            told = ",".join(map(_spelled, marks))
            raise InputError(
                f"{data.labels} has {told} in {len(numbers) - len(others)} rows of {name!r}, whose other labels go from"
                f" {others.min():.6g} to {others.max():.6g}: set data.missing to {told} if it means that there is no"
                f" label (--set=data.missing={told}; of cdae train --config.data.missing={told}), or to {KEEP} if it is"
                " one"
            )
