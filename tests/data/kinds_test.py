"""What kinds the variables of a graph are, by their table, and their labels as numbers and codes."""

import numpy as np
import pandas as pd
import pytest

from cdae_jax.data.kinds import read_labels, resolve, resolve_kinds
from cdae_jax.data.settings import Custom
from cdae_jax.data.table import read_table
from cdae_jax.errors import InputError
from cdae_jax.graph import AUTO, CausalGraph, Variable

NUM = 80


def column_of(*cells):
    """80 cells that repeat the given ones."""
    return [cells[i % len(cells)] for i in range(NUM)]


def read(column, missing="", **var):
    """The variable "x" as it is resolved, and its labels."""
    var = Variable("x", **({"kind": "auto"} | var))
    _, table = read_table({"file": [f"{i}.png" for i in range(len(column))], "x": column})
    graph = resolve("labels.csv", table, CausalGraph((var,)), missing)
    assert resolve("labels.csv", table, graph, missing) == graph
    return graph.variables[0], read_labels("labels.csv", table, graph, missing)[:, 0]


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (("1.5", "2.5", "7"), "continuous", ()),
        (("0", "1", "2"), "continuous", ()),
        (("0", "1"), "binary", ()),
        (("1.0", "0", ""), "binary", ()),
        (("1", "-1"), "binary", ("-1", "1")),
        (("2", "1"), "binary", ("1", "2")),
        (("2.5", "10"), "binary", ("2.5", "10")),
        (("yes", "no"), "binary", ("no", "yes")),
        (("True", "False"), "binary", ("False", "True")),
        ((True, False), "binary", ("False", "True")),
        (("dog", "cat", "", "cow"), "categorical", ("cat", "cow", "dog")),
        (("a 1", "2", "b"), "categorical", ("2", "a 1", "b")),
        (("猫", "犬"), "binary", ("犬", "猫")),
    ],
)
def test_a_kind_that_the_graph_leaves_open_is_told_by_the_table(cells, kind, values):
    var, labels = read(column_of(*cells))
    assert (var.kind, var.values) == (kind, values)
    for cell, label in zip(column_of(*cells), labels, strict=True):
        if cell == "":
            assert np.isnan(label)
        elif kind == "continuous":
            assert label == float(cell)
        else:
            assert var.spell(label) == str(cell).removesuffix(".0")
            assert var.codes(cell) == label


@pytest.mark.parametrize(
    ("cells", "stated", "classes", "values"),
    [
        (("1", "2", "3"), {"kind": "categorical"}, 3, ("1", "2", "3")),
        (("1", "2", "3"), {"kind": "categorical", "classes": 3}, 3, ("1", "2", "3")),
        (("0", "5", "20"), {"kind": "categorical"}, 3, ("0", "5", "20")),
        (("0", "1", "2"), {"kind": "categorical"}, 3, ()),
        (("0", "2"), {"kind": "categorical", "classes": 3}, 3, ()),
        (("0", "1"), {"kind": "categorical"}, 2, ()),
        (("10", "9", "9"), {"kind": "categorical"}, 2, ("9", "10")),
        (("no", "yes"), {"kind": "binary"}, 2, ("no", "yes")),
        (("1", "0"), {"kind": "binary"}, 2, ()),
        (("b", "a"), {"values": ("b", "a", "c")}, 3, ("b", "a", "c")),
        (("0", "1"), {"kind": "continuous"}, 0, ()),
    ],
)
def test_what_the_graph_says_holds(cells, stated, classes, values):
    var, labels = read(column_of(*cells), **stated)
    assert (var.classes, var.values) == (classes, values)
    if classes:
        assert [var.spell(label) for label in labels] == column_of(*cells)


@pytest.mark.parametrize(
    ("column", "stated", "message"),
    [
        (
            [*column_of("1.5", "2.5")[:-1], "wide"],
            {},
            "variable 'x': 'wide' in row 81; expected a number as in most rows",
        ),
        ([*column_of("1.5", "2.5")[:-1], "3_7"], {}, "'3_7' in row 81; expected a number"),
        (
            [*column_of("1.5", "2.5")[:-1], "wide"],
            {"kind": "continuous"},
            "'wide' in row 81; expected a number, or an em",
        ),
        ([f"{i}_0" for i in range(NUM)], {}, "'0_0' in row 2, .* and 75 more; expected numbers, or words that 3 rows"),
        ([f"word {i}" for i in range(NUM)], {"kind": "categorical"}, "expected numbers, or words that 3 rows or more"),
        (
            [*column_of("0", "1")[:-1], "2"],
            {"kind": "binary"},
            "has 3 different values in the column of the binary var",
        ),
        (
            [*column_of("0", "1")[:-1], "2"],
            {"kind": "binary"},
            "'0' in 40 rows, '1' in 39 rows, '2' in row 81; expected 2",
        ),
        ([*column_of("0", "1")[:-1], "True"], {"kind": "binary"}, "'True' in row 81; expected a number"),
        (
            [*column_of("0", "1", "2")[:-1], "0.5"],
            {"kind": "categorical", "classes": 3},
            "'0.5' in row 81.* expected 3",
        ),
        (column_of("1", "3"), {"kind": "categorical", "classes": 3}, "has 2 different values .* expected 3"),
        (column_of("a", "b", "c"), {"values": ("a", "b")}, "'c' in row 4, .* expected one of a, b, or an empty cell"),
        (column_of("Cat", "cat"), {}, "spells a class of 'x' in different ways, Cat, cat: write it in one"),
        (column_of("True", "TRUE", "False"), {}, "different ways, TRUE, True"),
        (column_of("inf", "1", "2"), {}, "'inf' in row 2"),
        (column_of("1e999", "1", "2", "3"), {}, "'1e999' in row 2"),
        (column_of("0x1f", "1", "2", "3"), {}, "'0x1f' in row 2"),
        (column_of("3,7", "1", "2", "3"), {}, "'3,7' in row 2"),
        (column_of("5"), {}, "same value, 5, for every label of 'x': leave it out of the graph"),
        (column_of("cat"), {}, "same value, cat, for every label"),
        (column_of("1", "1.0"), {"kind": "continuous"}, "same value, 1, for every label"),
        ([*column_of("1.5", "2", "3")[:49], *[""] * 31], {}, "49 labels of 'x': expected at least 50"),
        (column_of(""), {}, "0 labels of 'x': expected at least 50; label more images"),
        (column_of("NA"), {"kind": "binary"}, "0 labels of 'x'"),
    ],
)
def test_every_mistake_is_named(column, stated, message):
    with pytest.raises(InputError, match=message):
        read(column, **stated)


@pytest.mark.parametrize("cell", ["1e1", "+10", "10.", " 10 ", "1E+1", "10.0"])
def test_numbers_may_be_written_in_any_usual_way(cell):
    assert read([cell, *column_of("1.5", "2.5", "3")[1:]])[1][0] == 10


def test_large_numbers_keep_their_digits():
    times = [str(1_748_229_500 + 5 * i) for i in range(NUM)]
    labels = read(times)[1]
    assert labels.dtype == np.float64 and np.all(np.diff(labels) == 5)


def test_a_variable_without_labels_is_refused_with_what_to_do():
    _, table = read_table({"file": ["a"], "x": ["1"]})
    graph = CausalGraph((Variable("x", ("U",)), Variable("U")))
    with pytest.raises(
        InputError, match="no column for U of the graph: .* hidden causes are not supported: take it out"
    ):
        resolve("labels.csv", table, graph)


@pytest.mark.parametrize(
    ("missing", "expected"),
    [("-999", [1.5, 2.5, np.nan]), ("-999.0,2.5", [1.5, np.nan, np.nan]), ("none", [1.5, 2.5, -999])],
)
def test_what_the_settings_call_missing_is_no_label(missing, expected):
    column = [*column_of("1", "2", "3")[:-3], "1.5", "2.5", "-999"]
    np.testing.assert_array_equal(read(column, missing)[1][-3:], expected)


def test_a_word_may_mean_missing_too():
    var, labels = read([*column_of("1.5", "2.5", "3")[:75], *["unknown"] * 5], "unknown")
    assert var.kind == "continuous" and np.isnan(labels[75:]).all() and np.isfinite(labels[:75]).all()


@pytest.fixture
def asked(tmp_path):
    """`resolve_kinds` of a column of a table in a file."""

    def asked(column, missing="", **var):
        path = tmp_path / "labels.csv"
        pd.DataFrame({"file": [f"{i}.png" for i in range(len(column))], "x": column}).to_csv(path)
        data = Custom(name="custom", resolution=8, images="images", labels=str(path), missing=missing)
        return resolve_kinds(data, CausalGraph((Variable("x", **({"kind": "auto"} | var)),)))

    return asked


USUAL = np.linspace(20, 30, NUM).round(2)


@pytest.mark.parametrize(
    ("marks", "told"),
    [
        (
            [-999] * 3,
            "has -999 in 3 rows of 'x', whose other labels go from 20 to 30: set data.missing to -999 if",
        ),
        ([9999.0] * 4, "has 9999 in 4 rows"),
        ([-999] * 3 + [-99] * 3, "has -999 in 3 rows"),
        ([-999] * 3 + [999] * 3, "has -999,999 in 6 rows .*--config.data.missing=-999,999"),
    ],
)
def test_a_number_far_outside_the_rest_is_asked_about(asked, marks, told):
    with pytest.raises(InputError, match=told):
        asked([*USUAL, *marks])
    assert asked([*USUAL, *marks], missing="none").variables[0].kind == "continuous"
    assert asked([*USUAL, *marks], missing="-999,999,9999,-99").variables[0].kind == "continuous"


def test_a_mark_among_zeros_and_ones_is_asked_about(asked):
    with pytest.raises(InputError, match="has -999 in 26 rows of 'x', whose other labels go from 0 to 1"):
        asked(column_of(0, 1, -999))
    assert asked(column_of(0, 1, -999), missing="-999").variables[0].kind == "binary"


@pytest.mark.parametrize(
    "column",
    [
        USUAL,
        [*USUAL, -999, -999],  # two outliers may be measurements
        [*USUAL, *[-25] * 5],  # within five widths
        column_of(-1, 0, 1),
        column_of(0, 5),
        np.clip(np.linspace(-5, 30, NUM), 3, 25),
        column_of(0, 1, 2, 3),
        column_of("cat", "dog"),
    ],
)
def test_usual_labels_are_not_asked_about(asked, column):
    assert asked(list(column)).variables[0].kind != "auto"


def test_without_a_table_the_graph_has_to_say_all():
    data = Custom(name="custom", resolution=8, images="", labels="")
    whole = CausalGraph((Variable("x"), Variable("y", kind="categorical", classes=3)))
    assert resolve_kinds(data, whole) == whole
    for open_ in (Variable("x", kind="auto"), Variable("x", kind="categorical")):
        with pytest.raises(InputError, match="does not say of which kind x is: set --config.data.labels"):
            resolve_kinds(data, CausalGraph((open_,)))


def test_a_listed_class_may_be_spelled_as_no_label():
    _, labels = read(column_of("None", "Mild"), values=("None", "Mild"), kind="binary")
    assert labels.tolist() == column_of(0.0, 1.0)


def test_words_read_as_no_label_are_told(capsys):
    read(column_of("None", "a", "b", "a"))
    assert "20 cells 'None' of 'x' are read as no label" in capsys.readouterr().out


@pytest.mark.parametrize("mark", ["na", "NAN", "none", "#DIV/0!", "#REF!", "?", "-", "."])
def test_marks_of_no_label_count_in_any_case(mark):
    _, labels = read([*column_of("1.5", "2.5", "3")[:-1], mark])
    assert np.isnan(labels[-1]) and np.isfinite(labels[:-1]).all()


@pytest.mark.parametrize("cell", ["10%", "20 cm", "1,234", "0,5", "1'234", "\u22125"])
def test_words_like_numbers_are_refused(cell):
    with pytest.raises(InputError, match="numbers with a decimal point"):
        read(column_of(cell, "30%", "40%"))


def test_truths_in_words_and_digits_are_refused():
    with pytest.raises(InputError, match="either words or 0 and 1"):
        read(column_of("yes", "no", "1", "no"))


def test_a_word_of_no_cell_is_no_mark(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("file,x\n" + "".join(f"{i}.png,{i % 7 if i else 'Unknown'}\n" for i in range(NUM)))
    graph = CausalGraph((Variable("x", kind="auto"),))
    assert (
        resolve_kinds(Custom(name="a", resolution=32, images="a", labels=str(path), missing="unknown"), graph)
        .variables[0]
        .kind
        == "continuous"
    )
    with pytest.raises(InputError, match="names 'unknwon', which no cell of x"):
        resolve_kinds(Custom(name="a", resolution=32, images="a", labels=str(path), missing="unknwon"), graph)


@pytest.mark.parametrize(
    "cells",
    [
        ["20 °C", "25 °C", "100 °C"],
        ["5 Hz", "10 Hz"],
        ["80 mmHg", "95 mmHg"],
        ["$5", "$12"],
        ["1 000", "2 500"],
        ["5€", "7€"],
        ["20 years", "35 Years", "50 years"],
        ["20 KG", "35 KG"],
        ["2024-01-05", "2024-02-01 00:00:00"],
        ["1/5/2024", "12/31/2024"],
        ["3 Jan 2024", "14 February 2025"],
        ["8:30", "17:05", "9:15 pm"],
    ],
)
def test_numbers_with_units_are_no_classes(cells):
    with pytest.raises(InputError, match="expected numbers with a decimal point and no unit"):
        read(column_of(*cells))


@pytest.mark.parametrize("names", [("1A", "2B", "3D"), ("10-20", "20-30"), ("3 or more", "none of it")])
def test_names_that_begin_with_a_digit_are_classes(names):
    assert read(column_of(*names))[0].values == names


@pytest.mark.parametrize("stray", ["10", "0.5"])
def test_a_stray_number_does_not_make_a_binary_variable_continuous(stray):
    cells = [*column_of("0", "1") * 5, stray]
    with pytest.raises(InputError, match=rf"'{stray}' in row {len(cells) + 1}; expected 0 and 1 as in all other rows"):
        read(cells)
    assert read(cells, kind="continuous")[0].kind == "continuous"
    assert read(column_of("0", "1", "2"))[0].kind == "continuous"


def test_a_mistyped_class_is_named():
    cells = [*column_of("cat", "dog") * 2, "catt"]
    with pytest.raises(InputError, match=f"'catt' in row {len(cells) + 1}; .* words that 3 rows or more share"):
        read(cells)
    assert read(cells, values=("cat", "dog", "catt"), kind="categorical")[0].classes == 3
    assert read(cells, kind="categorical", classes=3)[0].values == ("cat", "catt", "dog")


def test_a_class_that_was_read_as_no_label_is_named():
    with pytest.raises(InputError, match="and cells 'none', which are read as no label: if they are a class, list it"):
        read(column_of("none", "mild"))


def test_every_variable_that_loses_labels_to_a_mark_is_named(tmp_path, capsys):
    table = pd.DataFrame({"file": range(90), "sex": np.resize([0, 1, 9], 90), "size": np.resize(range(15), 90)})
    table.to_csv(tmp_path / "t.csv", index=False)
    data = Custom(name="custom", resolution=8, images=str(tmp_path), labels=str(tmp_path / "t.csv"), missing="9")
    resolve_kinds(data, CausalGraph((Variable("sex", kind=AUTO), Variable("size", kind=AUTO))))
    told = capsys.readouterr().out
    assert (
        "30 cells of 'sex' are no label by config.data.missing 9" in told and "6 cells of 'size' are no label" in told
    )


def test_what_the_graph_calls_classes_are_classes():
    assert read(column_of("1st", "2nd", "10 000"), kind="categorical")[0].values == ("10 000", "1st", "2nd")
