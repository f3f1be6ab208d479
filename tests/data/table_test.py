"""The table of labels: what is read from it, and the sentence for every mistake in it."""

import csv

import numpy as np
import pytest

from cdae_jax.data.settings import Custom
from cdae_jax.data.table import read_interventions, read_labels, read_table, some, split_rows
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable

GRAPH = CausalGraph(
    (
        Variable("width"),
        Variable("tall", ("width",), kind="binary"),
        Variable("digit", ("width",), kind="categorical", classes=3),
    )
)
NUM = 80
HEADER = ("file", "width", "tall", "digit", "part", "set")


@pytest.fixture
def rows():
    """A header and 80 rows; every tenth has no digit, the first 20 are the test split, nothing was set by hand."""
    return [
        list(HEADER),
        *(
            [f"{i}.png", f"{i / 10}", f"{i % 2}", "" if i % 10 == 0 else f"{i % 3}", "train" if i >= 20 else "test", ""]
            for i in range(NUM)
        ),
    ]


@pytest.fixture
def read(tmp_path):
    """Writes rows, or bytes as they are, and returns the key column, labels, what was set and the two splits."""

    def read(rows, do_column="set", **changes):
        path = tmp_path / "labels.csv"
        if isinstance(rows, bytes):
            path.write_bytes(rows)
        elif rows is not None:
            with path.open("w", newline="") as file:
                csv.writer(file).writerows(rows)
        key, table = read_table(path)
        settings = {"split_column": "part"} | changes
        data = Custom(name="custom", resolution=8, images="images", labels=str(path), **settings)
        labels = read_labels(path, table, GRAPH)
        return table[key].tolist(), labels, read_interventions(path, do_column, table, GRAPH), split_rows(table, data)

    return read


def with_cell(rows, row, column, value):
    """The rows with one cell changed; row 0 is the header."""
    rows[row][HEADER.index(column)] = value
    return rows


def with_column(rows, column, value_of):
    """The rows with a column's cells given by the number of the row below the header."""
    for i, row in enumerate(rows[1:]):
        row[HEADER.index(column)] = value_of(i)
    return rows


def test_labels_and_splits_are_read_in_the_order_of_the_rows(rows, read):
    files, labels, was_set, (train, test) = read(rows)
    assert files[:2] == ["0.png", "1.png"] and labels.shape == was_set.shape == (NUM, 3) and labels.dtype == np.float32
    np.testing.assert_array_equal(labels[:, 0], np.float32([i / 10 for i in range(NUM)]))
    np.testing.assert_array_equal(labels[:, 1], np.arange(NUM) % 2)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(labels[:, 2])), np.arange(0, NUM, 10))
    assert not was_set.any() and list(test) == list(range(20)) and list(train) == list(range(20, NUM))


def test_columns_may_come_in_any_order_with_spaces_around_cells_and_a_byte_order_mark(rows, read):
    expected = read(rows)[1]
    backwards = [[f" {cell} " for cell in reversed(row)] for row in rows]
    text = "\r\n".join(",".join(row) for row in backwards)
    np.testing.assert_array_equal(read(text.encode("utf-8-sig"))[1], expected)


@pytest.mark.parametrize("cell", ["1e1", "+10", "10.", " 10 ", "1E+1"])
def test_numbers_may_be_written_in_any_usual_way(rows, read, cell):
    assert read(with_cell(rows, 3, "width", cell))[1][2, 0] == 10


def test_empty_rows_and_columns_of_a_spreadsheet_are_left_out(rows, read):
    expected = read(rows)
    empty = [""] * len(HEADER)
    padded = [["", *row, " ", ""] for row in (empty, *rows[:5], empty, *rows[5:], empty, empty)]
    files, labels, was_set, splits = read([*padded[:9], [], *padded[9:], []])
    assert files == expected[0]
    np.testing.assert_array_equal(labels, expected[1])
    np.testing.assert_array_equal(was_set, expected[2])
    np.testing.assert_array_equal(splits[0], expected[3][0])


def test_rows_are_named_as_the_file_counts_them(rows, read):
    rows = with_cell(rows, 3, "width", "wide")
    with pytest.raises(InputError, match="'wide' in row 6;"):
        read([[""] * len(HEADER), *rows[:3], [], *rows[3:]])


def test_a_column_with_a_name_and_no_cells_is_a_column(rows, read):
    with pytest.raises(InputError, match="0 labels of 'digit': expected at least 50"):
        read(with_column(rows, "digit", lambda i: ""))


def test_a_column_names_what_was_set_by_hand(rows, read):
    cells = {5: "tall", 30: "tall  digit", 31: " digit "}
    was_set = read(with_column(rows, "set", lambda i: cells.get(i, "")))[2]
    expected = np.zeros((NUM, 3), bool)
    expected[5, 1] = expected[30, 1:] = expected[31, 2] = True
    np.testing.assert_array_equal(was_set, expected)


def test_a_split_without_a_column_follows_the_seed(rows, read):
    (train, test), again, other = (read(rows, split_column="", seed=seed)[3] for seed in (0, 0, 1))
    assert len(test) == 16 and sorted([*train, *test]) == list(range(NUM))
    np.testing.assert_array_equal(test, again[1])
    assert (test != other[1]).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: with_cell(r, 3, "width", "wide"), "variable 'width': 'wide' in row 4; expected a number"),
        (
            lambda r: with_cell(r, 3, "width", "3_7"),
            "labels.csv .* variable 'width': '3_7' in row 4; expected a number",
        ),
        (lambda r: with_cell(r, 3, "width", "3,7"), "'3,7' in row 4"),
        (lambda r: with_cell(r, 3, "width", "0x1f"), "'0x1f' in row 4"),
        (lambda r: with_cell(r, 3, "width", "inf"), "'inf' in row 4"),
        (lambda r: with_cell(r, 3, "width", "1e999"), "'1e999' in row 4"),
        (lambda r: with_cell(r, 3, "width", "nan"), "'nan' in row 4"),
        (lambda r: with_cell(r, 3, "width", "NA"), "'NA' in row 4"),
        (lambda r: with_cell(r, 3, "tall", "2"), "binary variable 'tall': '2' in row 4; expected a whole number .* 1,"),
        (lambda r: with_cell(r, 3, "tall", "True"), "'True' in row 4"),
        (lambda r: with_cell(r, 3, "digit", "0.5"), "'0.5' in row 4; expected a whole number from 0 to 2"),
        (lambda r: with_cell(r, 3, "digit", "1_0"), "'1_0' in row 4"),
        (lambda r: with_column(r, "width", lambda i: f"_{i}"), "'_0' in row 2, .* '_4' in row 6 and 75 more;"),
        (lambda r: with_column(r, "width", lambda i: "1.0"), "same value, 1, for every label of 'width'"),
        (
            lambda r: with_column(r, "width", lambda i: i if i < 49 else ""),
            "49 labels of 'width': expected at least 50",
        ),
        (lambda r: with_column(r, "part", lambda i: "train"), "the test split of 80 images is empty"),
        (lambda r: with_column(r, "part", lambda i: "validate"), "has validate: expected train or test"),
        (lambda r: with_column(r, "set", lambda i: "size"), "has 'size' in the column 'set': expected names of var"),
        (
            lambda r: with_cell(r, 0, "width", "breadth"),
            "no column for width of the graph: its columns are file, breadth",
        ),
        (lambda r: with_cell(r, 0, "file", "name"), "neither a column 'file' nor 'index': its columns are name, width"),
        (lambda r: with_cell(r, 0, "part", "tall"), "more than one column 'tall': give each another name"),
        (lambda r: with_cell(r, 2, "file", "0.png"), r"names images twice in its column 'file': 0\.png"),
        (lambda r: [*r, ["9.png", 1], [], ["8.png"]], r"rows without 6 cells: rows 82, 84 \(the header is row 1\)"),
        (lambda r: [*r, [*r[1], "", "more"]], "cannot be read as CSV: Expected 6 fields in line 82, saw 8"),
        (lambda r: b'file,width\n1,"2\n', "cannot be read as CSV"),
        (lambda r: b"\xff\xfe\x00", "cannot be read as CSV"),
        (lambda r: b"", "cannot be read as CSV"),
        (lambda r: None, "labels.csv', which cannot be read as CSV"),
        (lambda r: r[:1], "has no rows below its header"),
        (lambda r: b"\n\n", "has no rows below its header"),
    ],
)
def test_every_mistake_is_named(rows, read, change, message):
    with pytest.raises(InputError, match=message):
        read(change(rows))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"do_column": "sett"}, "config.data.do_column is 'sett': the columns of .* are file, width"),
        ({"split_column": "parts"}, "config.data.split_column is 'parts': the columns of .* are file, width"),
        ({"split_column": "", "test_fraction": 1.0}, "config.data.test_fraction is 1.0: expected a number between"),
    ],
)
def test_wrong_settings_are_named(rows, read, changes, message):
    with pytest.raises(InputError, match=message):
        read(rows, **changes)


def test_a_message_names_the_first_few():
    assert some("abc") == "a, b, c" and some(range(9)) == "0, 1, 2, 3, 4 and 4 more"
