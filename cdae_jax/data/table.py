"""The table of labels of the user's own images as text, from a file or an object. No image is read here."""

import csv
import io
import itertools
import pathlib
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from cdae_jax.errors import InputError
from cdae_jax.graph import plain
from cdae_jax.paths import expanded

SHOWN = 5  # offenders named in a message
MISSING = (  # how tables spell no label, in any case, and the errors of spreadsheets
    *("", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?", "-", "."),
    *("#div/0!", "#ref!", "#value!", "#name?", "#null!", "#num!"),
)
FILE_COLUMNS = ("file", "filename", "filepath", "path", "image", "imagefile", "imageid", "imagename", "imagepath")
DELIMITERS = "\t;,|"
COMMA_NUMBER, POINT_NUMBER = (rf"[+-]?[0-9]+{mark}[0-9]+(?:[eE][+-]?[0-9]+)?" for mark in (",", r"\."))

Table = str | pathlib.Path | pd.DataFrame | Mapping


def some(items) -> str:
    """ "a, b, c and 4 more" """
    items = list(items)
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return ", ".join(map(str, items[:SHOWN])) + more


def read_table(source: Table, by: str = "file") -> tuple[str, pd.DataFrame]:
    """The name of the key column ("file" or "index"), and the cells below the header as text, "" where a label is
    missing, indexed by their row in the file from 1 on.

    Rows and columns without any cell, as spreadsheets leave them, and columns without a name, as pandas writes its
    index, are left out. "file" may also be called file_name, path, image or the like, in any case.

    Args:
      source: a file (text separated by commas, semicolons, tabs, bars or spaces; .xlsx; .parquet), a DataFrame, or a
        mapping of columns. Where semicolons or tabs separate, numbers may have decimal commas. CelebA's attribute
        files are read as they are.
      by: the key column to take where there are both.

    Raises:
      InputError: nothing that can be read, no key column, repeated keys or columns, a row that is too long or short,
        decimal commas beside decimal points.
    """
    where = source if isinstance(source, str | pathlib.Path) else "the table of labels"
    cells = read_cells(source)
    if len(cells) < 2:
        raise InputError(f"{where} has no rows below its header: expected one for every image")
    absent = np.equal(cells.to_numpy(object), None)
    given = ~absent[0]
    uneven = cells.index[(absent == given).any(axis=1)]
    if len(uneven):
        raise InputError(
            f"{where} has rows without {given.sum()} cells: rows {some(uneven)} (the header is row {cells.index[0]})"
        )
    header, table = cells.iloc[0].map(plain), cells.iloc[1:]
    named = (header != "") & ~header.str.fullmatch(r"Unnamed: \d+")
    header, table = header[named], table.loc[:, named]
    again = header[header.duplicated()]
    if len(again):
        raise InputError(f"{where} has more than one column {some(map(repr, again))}: give each another name")
    table = table.set_axis(list(header), axis=1)
    key = _key_column(where, header, by)
    rest = [name for name in header if name != key]
    table = table.assign(**{name: by_value(table[name], plain) for name in rest})
    blank = {name: (table[name] != "") & by_value(table[name], _is_missing).astype(bool) for name in rest}
    spelled = {name: table[name][blank[name]].to_dict() for name in rest}
    table = table.assign(**{name: table[name].mask(blank[name], "") for name in rest})
    table.attrs["spelled"] = spelled  # by column and row, for a graph whose classes are such words
    renamed = "index" if key.casefold() == "index" else "file"
    if (table[key] == "").any():
        rows = some(table.index[table[key] == ""])
        raise InputError(f"{where} has rows without a cell in the column {key!r}: rows {rows}; name their images")
    repeated = table[key][table[key].duplicated()]
    if len(repeated):
        raise InputError(f"{where} names images twice in its column {key!r}: {some(repeated)}")
    return renamed, table.rename(columns={key: renamed})


def key_of(images: str) -> str:
    """The key column by which a table names images at a path: "file" in a folder, else "index"."""
    return "file" if expanded(images).is_dir() else "index"


def _squeezed(name) -> str:
    return re.sub(r"[\s_-]", "", str(name).casefold())


def is_key(name) -> bool:
    """Whether a column of this name says which image a row is about."""
    return _squeezed(name) in ("index", *FILE_COLUMNS)


def _is_missing(cell: str) -> bool:
    return cell.casefold() in MISSING


def by_value(cells: pd.Series, function: Callable) -> pd.Series:
    """The function of every cell, called once per different value."""
    place, values = pd.factorize(cells)
    return pd.Series(np.array([function(value) for value in values], object)[place], cells.index, object)


def _key_column(where, header: pd.Series, by: str) -> str:
    names = {_squeezed(name): name for name in reversed(list(header))}
    names |= {name: name for name in header if name in ("file", "index")}  # over other spellings of the same
    order = ("index", *FILE_COLUMNS) if by == "index" else (*FILE_COLUMNS, "index")
    found = next((names[name] for name in order if name in names), None)
    if found is None:
        raise InputError(
            f"{where} has neither a column 'file' nor 'index', which say whose labels a row has: its columns are"
            f" {some(header)}"
        )
    return found


def read_cells(source: Table) -> pd.DataFrame:
    """All cells as text without space around it, the header's too, without empty rows and columns, indexed by their
    row in the file from 1 on; None where a row is too short. Arguments and errors as for `read_table`."""
    if isinstance(source, pd.DataFrame):
        cells = _of_frame(source)
    elif isinstance(source, Mapping):
        try:
            cells = _of_frame(pd.DataFrame(dict(source)))
        except ValueError as err:
            raise InputError(f"the table of labels is a mapping whose columns do not fit together: {err}") from err
    else:
        cells = _of_file(expanded(source))
    filled = np.not_equal(cells.to_numpy(object), None) & np.not_equal(cells.to_numpy(object), "")
    return cells.loc[filled.any(axis=1), filled.any(axis=0)]


def _of_file(path: pathlib.Path) -> pd.DataFrame:
    suffix = path.suffix.lower()
    try:
        if suffix in (".xlsx", ".xlsm"):
            with warnings.catch_warnings(action="ignore"):  # of what a workbook has besides cells
                return _as_text(pd.read_excel(path, header=None, dtype=object, na_values=[], keep_default_na=False))
        if suffix in (".parquet", ".pq"):
            return _of_frame(pd.read_parquet(path))
        if suffix in (".xls", ".ods", ".numbers", ".sav", ".dta", ".rds"):
            raise InputError(f"{path} is a {suffix} file, which is not read here: save it as .xlsx or as CSV")
        return _of_text(path, decoded(path))
    except (OSError, ValueError, KeyError, csv.Error, zipfile.BadZipFile) as err:
        raise InputError(f"the table {str(path)!r} cannot be read: {' '.join(str(err).split())}") from err


def decoded(path: pathlib.Path) -> str:
    """The text of a file in UTF-8 or UTF-16, without its byte order mark. Raises OSError or UnicodeError."""
    data = path.read_bytes()
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeError as err:
        raise UnicodeError(f"it is no text in UTF-8 ({err}); save it again as CSV UTF-8") from err


def _of_text(path: pathlib.Path, text: str) -> pd.DataFrame:
    said = re.match(r"\s*\"?sep=([;,\t|])\"?[;,\t|]*\r?(?=\n)", text, re.IGNORECASE)  # as Excel writes it
    text = text[said.end() :] if said else text
    first = next((line for line in text.splitlines() if line.strip(DELIMITERS + ' "')), "")
    is_counted = first.strip().isdecimal()  # CelebA's files begin with the number of their rows
    delimiter = said[1] if said else max(DELIMITERS, key=re.sub('"[^"]*"', "", first).count)
    if is_counted or delimiter not in first:
        delimiter = " "
        rows = [[cell.strip('"') for cell in line.split()] for line in text.splitlines()]
    else:
        try:  # with a space before a quote it may be one of a cell, or of the text in it
            rows = _rows_of(text, delimiter, skipinitialspace=True)
        except csv.Error:
            rows = _rows_of(text, delimiter)
    start = next((i for i, row in enumerate(rows) if any(row)), 0) + is_counted
    if delimiter == " " and start + 1 < len(rows) and len(rows[start + 1]) == len(rows[start]) + 1:
        rows[start] = ["file" if is_counted else "", *rows[start]]  # the rows' names come without one of their own
    cells = pd.DataFrame(dict(enumerate(itertools.zip_longest(*rows[start:]))), dtype=object)
    cells.index += start + 1
    return _with_points(path, cells, delimiter) if delimiter in ";\t" else cells


def _rows_of(text: str, delimiter: str, **how) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, **how)
    return [[cell.strip() for cell in row] for row in reader]


def _with_points(path: pathlib.Path, cells: pd.DataFrame, delimiter: str) -> pd.DataFrame:
    """Cells with decimal points for decimal commas, where there are any."""
    commas, points = (
        cells.apply(lambda column, form=form: column.astype(str).str.fullmatch(form))
        for form in (COMMA_NUMBER, POINT_NUMBER)
    )
    with_comma = cells.to_numpy()[commas.to_numpy()]
    for name, column in cells.items():
        text = column.iloc[1:].dropna().astype(str)
        mark = "[.,]" if delimiter == ";" else ","
        marked = text[text.str.fullmatch(rf"[+-]?[1-9][0-9]{{0,2}}{mark}[0-9]{{3}}")]
        whole = text.str.fullmatch("[+-]?[0-9]+")
        if len(marked) and whole.any() and (whole.sum() + len(marked)) == (text.str.fullmatch("[+-]?[0-9.,]+")).sum():
            raise InputError(
                f"{path} has numbers such as {marked.iloc[0]!r} beside whole ones in {cells[name].iloc[0]!r},"
                " whose mark may be of thousands or decimals: write no mark at thousands, or decimals in every row"
            )
    if not len(with_comma):
        return cells
    if points.to_numpy().any():
        told = f"{with_comma[0]!r} and {cells.to_numpy()[points.to_numpy()][0]!r}"
        raise InputError(f"{path} has numbers with decimal commas and with decimal points ({told}): write all alike")
    if delimiter == "\t" and all(re.fullmatch("[+-]?[0-9]{1,3},[0-9]{3}", cell) for cell in with_comma):
        raise InputError(
            f"{path} has numbers such as {with_comma[0]!r}, whose comma may mark thousands or decimals: write a decimal"
            " point, or no mark at thousands"
        )
    return cells.mask(commas, cells.apply(lambda column: column.astype(str).str.replace(",", ".")))


def _of_frame(frame: pd.DataFrame) -> pd.DataFrame:
    if frame.index.name is not None:
        frame = frame.reset_index(drop=frame.index.name in frame.columns)
    header = pd.DataFrame([list(frame.columns)])
    return _as_text(pd.concat([header, frame.astype(object).set_axis(header.columns, axis=1)]))


def _as_text(cells: pd.DataFrame) -> pd.DataFrame:
    cells = cells.astype(object).map(_text)
    return cells.set_axis(range(1, len(cells) + 1))


def _text(value) -> str:
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return ""
        if float(value).is_integer() and abs(value) < 2**53:
            return str(int(value))
    return str(value).strip()
