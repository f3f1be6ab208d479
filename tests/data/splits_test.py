"""Which images are for validation and tests, whatever their order and number, and what was set by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.settings import Custom
from cdae_jax.data.splits import read_interventions, split_rows, validation_part, with_validation
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable

DATA = Custom(name="custom", resolution=8, images="images", labels="labels.csv")
GRAPH = CausalGraph((Variable("width"), Variable("tall"), Variable("digit")))


def table_of(num, **columns):
    return pd.DataFrame({"file": [f"{i}.png" for i in range(num)], **columns})


def files_of(table, **changes):
    """The files of the training and of the test split, without validation."""
    train, validation, test = splits_of(table, **changes)
    assert not validation
    return train, test


def splits_of(table, **changes):
    """The files of the training, the validation and the test split."""
    rows = split_rows(table, dataclasses.replace(DATA, **changes))
    assert sorted(np.concatenate(rows)) == list(range(len(table)))
    return [set(table["file"].iloc[part]) for part in rows]


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_share_of_test_images_is_near_what_was_asked_for(fraction, seed):
    """Within three standard deviations of as many tosses of a coin: 0.2 of 10,000 images are 1,880 to 2,120."""
    for num in (100, 1_000, 10_000):
        share = len(files_of(table_of(num), test_fraction=fraction, seed=seed)[1]) / num
        assert abs(share - fraction) < 3 * np.sqrt(fraction * (1 - fraction) / num)


def test_an_image_stays_where_it_is_whatever_rows_come_go_or_move():
    whole = table_of(300)
    train, test = files_of(whole)
    assert files_of(whole.iloc[::-1]) == (train, test)
    for fewer in (whole.iloc[:200], whole.iloc[::3]):
        names = set(fewer["file"])
        assert files_of(fewer) == (train & names, test & names)


def test_another_seed_and_another_fraction_split_otherwise():
    test = files_of(table_of(300))[1]
    assert files_of(table_of(300), seed=1)[1] != test
    assert test < files_of(table_of(300), test_fraction=0.4)[1]


def test_rows_of_an_array_are_split_by_their_index():
    table = table_of(100).rename(columns={"file": "index"})
    train, _, test = split_rows(table, DATA, "index")
    again = split_rows(table.iloc[::-1], DATA, "index")[2]
    assert len(train) + len(test) == 100 and set(99 - again) == set(test)


def test_a_group_is_on_one_side():
    groups = [f"subject {i // 10}" if i < 190 else "" for i in range(200)]
    table = table_of(200, subject=groups)
    data = dataclasses.replace(DATA, group_column="subject", validation_share=0.3)
    found = [set(table["subject"].iloc[rows]) - {""} for rows in split_rows(table, data)]
    assert all(found) and sum(map(len, found)) == len(set.union(*found))


def test_a_column_may_say_all():
    table = table_of(6, part=["test", "train"] * 3, subject=["a", "b"] * 3)
    for column in ("", "subject"):
        assert files_of(table, split_column="part", group_column=column)[1] == {"0.png", "2.png", "4.png"}


def test_validation_images_are_training_images_that_stay_where_they_are():
    train, test = files_of(table_of(4_000))
    left, validation, same_test = splits_of(table_of(4_000), validation_share=0.05)
    assert same_test == test and left | validation == train and abs(len(validation) - 160) < 3 * np.sqrt(152)
    backwards = splits_of(table_of(4_000).iloc[1_000:][::-1], validation_share=0.05)
    assert backwards[1] == validation - {f"{i}.png" for i in range(1_000)}


@pytest.mark.parametrize(
    ("num", "share", "images"),
    [(50_000, 0.05, 2_000), (10_000, 0.05, 500), (256, 0.05, 32), (100, 0.05, 20), (3, 0.05, 1), (100, 0.4, 40)],
)
def test_few_images_give_a_larger_part_and_many_a_smaller(num, share, images):
    assert round(validation_part(num, share) * num) == images and validation_part(num, 0) == 0


@pytest.mark.parametrize("word", ["validation", "val"])
def test_a_column_may_name_validation_images(word):
    table = table_of(6, part=["test", "train", word] * 2)
    for share in (0, 0.5):
        train, validation, test = splits_of(table, split_column="part", validation_share=share)
        assert (train, validation, test) == ({"1.png", "4.png"}, {"2.png", "5.png"}, {"0.png", "3.png"})
    with pytest.raises(InputError, match="puts images of the group a on both sides"):
        splits_of(table.assign(who=["b", "a", "a"] * 2), split_column="part", group_column="who")


def test_validation_images_are_taken_from_training_images_that_were_left_alone():
    labels = np.arange(300, dtype=np.float32).reshape(100, 3)
    was_set = np.zeros((100, 3), bool)
    was_set[:50, 1] = True
    images, context = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1), np.arange(100)
    whole = Dataset("rows", GRAPH, Split(images, labels, context, was_set), Split(images, labels))
    assert with_validation(whole, 0.0, seed=0) is whole
    parted = with_validation(whole, 0.2, seed=0)
    train, validation = parted.train, parted.validation
    assert len(validation) == 10 and not validation.was_set.any() and train.was_set.sum() == 50
    assert sorted([*train.context, *validation.context]) == list(range(100)) and (np.diff(train.context) > 0).all()
    np.testing.assert_array_equal(validation.labels, labels[validation.context])
    np.testing.assert_array_equal(with_validation(whole, 0.2, seed=0).validation.context, validation.context)
    assert set(with_validation(whole, 0.2, seed=1).validation.context) != set(validation.context)
    assert parted.test is whole.test


@pytest.mark.parametrize(
    ("columns", "changes", "message"),
    [
        ({}, {"split_column": "parts"}, "config.data.split_column is 'parts': the columns of labels.csv are file"),
        ({}, {"group_column": "who"}, "config.data.group_column is 'who': the columns of labels.csv are file"),
        ({}, {"test_fraction": 1.0}, "config.data.test_fraction is 1.0: expected a number between 0 and 1"),
        ({}, {"test_fraction": 1e-9}, "the test split of 4 images is empty: change config.data.test_fraction"),
        ({}, {"test_fraction": 1 - 1e-9}, "the training split of 4 images is empty"),
        ({"part": ["train"] * 4}, {"split_column": "part"}, "the test split of 4 images is empty"),
        (
            {"part": ["train", "test", "validate", ""]},
            {"split_column": "part"},
            "has , validate: expected train, validation or test",
        ),
        (
            {"part": ["train", "test"] * 2, "who": ["a", "b", "a", "a"]},
            {"split_column": "part", "group_column": "who"},
            "'part' puts images of the group a on both sides",
        ),
    ],
)
def test_wrong_splits_are_named(columns, changes, message):
    with pytest.raises(InputError, match=message):
        split_rows(table_of(4, **columns), dataclasses.replace(DATA, **changes))


def test_a_column_names_what_was_set_by_hand():
    table = table_of(5, set=["", "tall", "tall  digit", " digit ", "width,tall; digit"])
    expected = [[0, 0, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 1, 1]]
    np.testing.assert_array_equal(read_interventions("labels.csv", "set", table, GRAPH), expected)
    spaced = CausalGraph((Variable("disc size"), Variable("glow")))
    table = table_of(2, set=["disc size", "disc size, glow"])
    np.testing.assert_array_equal(read_interventions("labels.csv", "set", table, spaced), [[1, 0], [1, 1]])


def test_mistakes_about_what_was_set_are_named():
    with pytest.raises(InputError, match="labels.csv has 'size' in the column 'set': expected names of variables"):
        read_interventions("labels.csv", "set", table_of(1, set=["size"]), GRAPH)
    with pytest.raises(
        InputError, match="config.data.do_column is 'sett': the columns.* are file, set.*did you mean 'set'"
    ):
        read_interventions("labels.csv", "sett", table_of(1, set=[""]), GRAPH)
