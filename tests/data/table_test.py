"""The table of labels as cells: every form that it may come in, and the sentence for every mistake in one."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from cdae_jax.data.table import read_table, some
from cdae_jax.errors import InputError

NUM = 6
HEADER = ["file", "size", "kind"]
ROWS = [HEADER, *([f"{i}.png", f"{i + 0.25}", "" if i == 3 else ("cat", "dog")[i % 2]] for i in range(NUM))]
FRAME = pd.DataFrame(
    {
        "file": [f"{i}.png" for i in range(NUM)],
        "size": np.arange(NUM) + 0.25,
        "kind": ["cat", "dog", "cat", None, "cat", "dog"],
    }
)


def text_of(rows, delimiter=",", end="\n"):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    return text.getvalue()


@pytest.fixture
def read(tmp_path):
    """The key and the rows, header first, of a table that is written from rows, text or bytes."""

    def read(content, name="labels.csv", by="file"):
        path = tmp_path / name
        content = text_of(content) if isinstance(content, list) else content
        if content is not None:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return rows_of(read_table(path, by))

    return read


def rows_of(found):
    key, table = found
    return key, [list(table), *table.to_numpy().tolist()]


def with_commas(rows):
    return [[cell.replace(".", ",") if j else cell for j, cell in enumerate(row)] for row in rows]


def with_cell(row, column, value, rows=ROWS):
    rows = [list(cells) for cells in rows]
    rows[row][column] = value
    return rows


@pytest.mark.parametrize(
    "content",
    [
        text_of(ROWS),
        text_of(ROWS, end="\r\n").encode("utf-8-sig"),
        text_of(ROWS, "\t"),
        text_of(ROWS, ";"),
        text_of(with_commas(ROWS), ";", "\r\n").encode("utf-8-sig"),
        text_of(with_commas(ROWS), "\t"),
        text_of(ROWS, "\t").encode("utf-16"),
        text_of([[f" {cell} " for cell in row] for row in ROWS]),
        text_of(ROWS).replace(",\n", ",NA\n"),
        text_of(ROWS).replace(",\n", ",null\n"),
        text_of(ROWS).replace(",\n", ",NaN\n"),
        text_of([*ROWS, *[["", "", ""]] * 5]),
        text_of([*ROWS, ["", " ", ""], []]),
        text_of([[], ["", "", ""], *ROWS[:3], [], *ROWS[3:]]),
        text_of([[*row, "", ""] for row in ROWS]),
        text_of([["", *row, "", " "] for row in ROWS]),
        text_of([[str(i - 1) if i else "", *row] for i, row in enumerate(ROWS)]),
        text_of([[str(i - 1) if i else "Unnamed: 0", *row] for i, row in enumerate(ROWS)]),
        text_of([ROWS[0], *([*row, ""] for row in ROWS[1:])]),
        FRAME.to_csv(),
        FRAME.to_csv(index=False, sep=";", decimal=","),
    ],
)
def test_every_usual_text_is_the_same_table(read, content):
    assert read(content) == ("file", ROWS)


def test_a_table_of_spaces_is_read_too(read):
    rows = [["NA" if cell == "" else cell for cell in row] for row in ROWS]
    assert read("\n".join("  ".join(row) for row in rows), "labels.txt") == ("file", ROWS)
    assert read(FRAME.to_csv(sep=" ", na_rep="NA").removeprefix('""')) == ("file", ROWS)  # as R writes the rows' names


def test_workbooks_parquet_frames_and_mappings_are_the_same_table(tmp_path):
    FRAME.to_excel(tmp_path / "labels.xlsx", index=False)
    FRAME.to_parquet(tmp_path / "labels.parquet")
    sources = (
        tmp_path / "labels.xlsx",
        tmp_path / "labels.parquet",
        FRAME,
        FRAME.to_dict("list"),
        FRAME.set_index("file"),
    )
    for source in sources:
        assert rows_of(read_table(source)) == ("file", ROWS)
    FRAME.to_excel(tmp_path / "indexed.xlsx", startrow=2)  # with the index of pandas, below blank lines
    assert rows_of(read_table(tmp_path / "indexed.xlsx")) == ("file", ROWS)


def test_whole_numbers_truths_and_times_of_a_frame_lose_nothing():
    frame = pd.DataFrame(
        {
            "index": np.arange(3),
            "gap": [1.0, np.nan, 3.0],
            "exact": [0.1, 1 / 3, 1e300],
            "on": [True, False, True],
            "time": [1_748_229_500, 1_748_229_505, 1_748_229_510],
            "small": np.float32([0.1, 0.2, np.nan]),
        }
    )
    key, table = read_table(frame)
    assert key == "index" and table["index"].tolist() == ["0", "1", "2"] and table["gap"].tolist() == ["1", "", "3"]
    assert [float(cell) for cell in table["exact"]] == [0.1, 1 / 3, 1e300] and table["on"].tolist()[0] == "True"
    assert table["time"].tolist()[1] == "1748229505" and [np.float32(c) for c in table["small"][:2]] == [
        np.float32(0.1),
        np.float32(0.2),
    ]


def test_the_attributes_of_celeba_are_read_as_they_are(read):
    text = "3\nSmiling Male \n000001.jpg -1  1\n000002.jpg  1  1\n000003.jpg  1 -1\n"
    expected = [
        ["file", "Smiling", "Male"],
        ["000001.jpg", "-1", "1"],
        ["000002.jpg", "1", "1"],
        ["000003.jpg", "1", "-1"],
    ]
    assert read(text, "list_attr_celeba.txt") == ("file", expected)
    boxes = "2\nimage_id x_1 y_1\n000001.jpg    95  71\n000002.jpg    72  94\n"
    assert read(boxes, "list_bbox_celeba.txt")[1][1] == ["000001.jpg", "95", "71"]


@pytest.mark.parametrize(
    "name", ["File", "filename", "file_name", "File Name", "path", "image", "Image_ID", "image-path"]
)
def test_the_column_of_files_may_be_called_otherwise(read, name):
    assert read(with_cell(0, 0, name)) == ("file", ROWS)


def test_of_two_keys_the_one_that_names_the_images_counts(read):
    rows = [["index", "file", "size"], *([str(i), f"{i}.png", "1"] for i in range(3))]
    assert read(rows, by="index") == ("index", rows) and read(rows) == ("file", rows)
    assert read([["path", "File", "size"], ["a", "b", "1"]]) == ("file", [["path", "file", "size"], ["a", "b", "1"]])
    assert read([["Index", "size"], ["0", "1"]], by="index") == ("index", [["index", "size"], ["0", "1"]])


def test_names_and_words_are_composed_but_files_stay(read):
    rows = [["file", "große", "sort"], ["gru\u0308n.png", "1", "gru\u0308n"]]
    assert read(rows)[1] == [["file", "große", "sort"], ["gru\u0308n.png", "1", "grün"]]


def test_rows_are_counted_as_the_file_has_them(tmp_path):
    (tmp_path / "labels.csv").write_text("\n\n" + text_of([HEADER, *ROWS[1:3], [], *ROWS[3:]]))
    assert read_table(tmp_path / "labels.csv")[1].index.tolist() == [4, 5, 7, 8, 9, 10]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([["name", "size"], ["a", "1"]], "neither a column 'file' nor 'index', .* its columns are name, size"),
        ([["file", "size", "size"], ["a", "1", "2"]], "more than one column 'size': give each another name"),
        ([*ROWS, ROWS[1]], r"names images twice in its column 'file': 0\.png"),
        ([*ROWS, ["", "1", "cat"]], "rows without a cell in the column 'file': rows 8; name their images"),
        ([*ROWS, ["9.png", "1"], [], ["8.png"]], r"rows without 3 cells: rows 8, 10 \(the header is row 1\)"),
        ([*ROWS, ["9.png", "1", "cat", "more"]], r"rows without 3 cells: rows 8 \(the header is row 1\)"),
        ('file,size\n1,"2\n', "cannot be read: unexpected end of data"),
        ("file;size\nä;1\n".encode("latin-1"), "cannot be read: it is no text in UTF-8 .*; save it again as CSV UTF-8"),
        (b"\xff\xfe\x00", "cannot be read"),
        (None, "cannot be read: .* No such file"),
        (b"", "has no rows below its header"),
        ([HEADER], "has no rows below its header"),
        ("\n\n", "has no rows below its header"),
        (
            text_of([["file", "a", "b"], ["0.png", "7,25", "1.5"]], ";"),
            r"with decimal commas and with decimal points \('7,25' and '1\.5'\): write all alike",
        ),
        (
            text_of([["file", "a"], ["0.png", "1,234"], ["1.png", "999"]], "\t"),
            "'1,234' beside whole ones in 'a', whose mark may be of thousands or decimals",
        ),
    ],
)
def test_every_mistake_is_named(read, content, message):
    with pytest.raises(InputError, match=message) as error:
        read(content)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"), [("a.xlsx", "cannot be read"), ("a.parquet", "cannot be read"), ("a.xls", "save")]
)
def test_files_that_are_not_what_their_name_says_are_named(read, name, message):
    with pytest.raises(InputError, match=message):
        read("file,size\n", name)


def test_columns_of_different_lengths_are_named():
    with pytest.raises(InputError, match="columns do not fit together"):
        read_table({"file": ["a"], "size": [1, 2]})


def test_a_comma_within_a_cell_stays_where_commas_separate(read):
    assert read('file,size\n0.png,"7,25"\n')[1][1] == ["0.png", "7,25"]


def test_a_message_names_the_first_few():
    assert some("abc") == "a, b, c" and some(range(9)) == "0, 1, 2, 3, 4 and 4 more"


@pytest.mark.parametrize("content", ["sep=;\n" + text_of(ROWS, ";"), text_of(ROWS, "|")])
def test_the_delimiter_may_be_named_or_a_bar(read, content):
    assert read(content) == read(ROWS)


@pytest.mark.parametrize("cell", ["1,234", "1.234"])
def test_a_mark_that_may_be_of_thousands_is_refused(read, cell):
    with pytest.raises(InputError, match="thousands or decimals"):
        read(f"file;a\n0.png;950\n1.png;{cell}\n")


def test_rows_are_counted_from_the_first_line_below_a_named_separator_too(tmp_path):
    (tmp_path / "labels.csv").write_text("sep=;\nfile;size\na.png;1\nb.png;2\n")
    assert list(read_table(tmp_path / "labels.csv")[1].index) == [3, 4]


def test_thousands_are_asked_about_in_tables_of_tabs_too(tmp_path):
    (tmp_path / "t.tsv").write_text("index\tsize\tshare\n0\t1,234\t0,1\n1\t950\t0,2\n2\t2,500\t0,3\n")
    with pytest.raises(InputError, match="whose mark may be of thousands or decimals"):
        read_table(tmp_path / "t.tsv")


def test_decimal_points_in_tables_of_tabs_are_decimals(tmp_path):
    (tmp_path / "t.tsv").write_text("index\tdose\n0\t1\n1\t1.125\n2\t2\n")
    assert read_table(tmp_path / "t.tsv")[1]["dose"].tolist() == ["1", "1.125", "2"]


def test_quotes_within_a_cell_are_text(tmp_path):
    (tmp_path / "t.csv").write_text('file, size, note\na.png, 1.5, "big" one\nb.png, 2, 5"\n')
    assert read_table(tmp_path / "t.csv")[1]["note"].tolist() == ['"big" one', '5"']


def test_a_quoted_cell_may_follow_a_space(tmp_path):
    (tmp_path / "t.csv").write_text('file, size, kind\na.png, 1.5, "cat, big"\nb.png, 2, "dog"\n')
    assert read_table(tmp_path / "t.csv")[1]["kind"].tolist() == ["cat, big", "dog"]


def test_a_frame_may_have_its_index_as_a_column_too():
    frame = pd.DataFrame({"file": ["a.png", "b.png"], "size": [1.5, 2.5]}).set_index("file", drop=False)
    assert read_table(frame)[1]["file"].tolist() == ["a.png", "b.png"]
