"""What a user may hand to a trained model, and the sentence for everything else."""

import warnings

import numpy as np
import pandas as pd
import pytest

from cdae_jax.data.labels import LabelStats
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.inference import checks
from cdae_jax.inference.checks import TrainedVariable

GRAPH = CausalGraph(
    (
        Variable("angle", unit="deg"),
        Variable("on", ("angle",), kind="binary"),
        Variable("digit", ("angle",), kind="categorical", classes=3),
        Variable("light"),
        Variable("animal", kind="binary", values=("cat", "dog")),
        Variable("smiling", kind="binary", values=("-1", "1")),
        Variable("time", unit="s"),
    )
)
ROWS = np.array([[-30, 0, 0, 50, 0, 0, 0], [30, 1, 2, 130, 1, 1, 1000], [0, 1, 1, 90, 1, 0, 500]], np.float64)
ROWS[:, 6] += 1_748_229_500
STATS = LabelStats.of(ROWS, GRAPH)
VARIABLES = tuple(
    TrainedVariable(var.name, var.unit, low, high)
    for var, low, high in zip(GRAPH.variables, STATS.low, STATS.high, strict=True)
)


def check_do(do, num=4):
    return checks.check_do(do, num, GRAPH, VARIABLES, STATS)


def test_images_come_alone_or_in_batches():
    many = np.zeros((2, 8, 8, 3), np.uint8)
    np.testing.assert_array_equal(checks.check_images(many, (8, 8, 3)), many)
    assert checks.check_images(many[0], (8, 8, 3)).shape == (1, 8, 8, 3)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 4, 4, 3), np.uint8), r"shape \(2, 4, 4, 3\): expected \(batch, 8, 8, 3\)"),
        (np.zeros((8, 8), np.uint8), r"shape \(8, 8\): expected \(batch, 8, 8, 3\)"),
        (np.zeros((0, 8, 8, 3), np.uint8), r"shape \(0, 8, 8, 3\)"),
        (np.zeros((2, 8, 8, 3), np.float32), "type float32: expected uint8 from 0 to 255"),
    ],
)
def test_bad_images_are_named(images, message):
    with pytest.raises(InputError, match=message):
        checks.check_images(images, (8, 8, 3))


def test_do_becomes_standardised_columns():
    found = check_do({"light": 100, "angle": np.arange(4.0), "digit": 2, "on": [0, 1, 1, 0]})
    np.testing.assert_allclose(found[:, 3], (100 - STATS.mean[3]) / STATS.sd[3], rtol=1e-6)
    np.testing.assert_allclose(found[:, 0], (np.arange(4) - STATS.mean[0]) / STATS.sd[0], rtol=1e-6)
    assert (found[:, 2] == 2).all() and found.dtype == np.float32
    assert np.isnan(check_do({})).all() and check_do({}).shape == (4, 7)
    assert np.isnan(check_do({"angle": 3})[:, 1:]).all()


@pytest.mark.parametrize(
    ("do", "code"),
    [
        ({"animal": "dog"}, 1),
        ({"animal": " Cat"}, 0),
        ({"animal": ["dog"] * 4}, 1),
        ({"smiling": 1}, 1),
        ({"smiling": -1.0}, 0),
        ({"smiling": "-1"}, 0),
        ({"smiling": False}, 0),
        ({"smiling": np.True_}, 1),
        ({"on": True}, 1),
        ({"on": "1"}, 1),
        ({"on": np.zeros(4, bool)}, 0),
    ],
)
def test_classes_are_set_as_the_table_spells_them(do, code):
    (name,) = do
    i = GRAPH.index(name)
    np.testing.assert_allclose(check_do(do)[:, i], (code - STATS.mean[i]) / STATS.sd[i], rtol=1e-6)


def test_times_that_float32_cannot_tell_apart_are_set_apart():
    times = 1_748_229_500 + 5.0 * np.arange(4)
    np.testing.assert_allclose(np.diff(check_do({"time": times})[:, 6]), 5 / STATS.sd[6], rtol=1e-4)
    with pytest.warns(UserWarning, match="1748229500 to 1748230500 s"):
        check_do({"time": 1_748_231_000})


def test_only_changes_of_numbers_are_changes():
    given = {"angle": "+5", "animal": "dog", "on": "+1", "light": 3.0}
    assert [name for name, value in given.items() if checks.is_change(name, value, GRAPH)] == ["angle"]


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ({"angel": 3}, "no variable 'angel'.*did you mean 'angle'"),
        ({"angle": "north"}, r"do\(angle\) is 'north': expected one finite number, or 4 of them, in deg"),
        ({"light": np.nan}, r"do\(light\) is nan: expected one finite number, or 4 of them, in the unit of its labels"),
        ({"angle": np.zeros(3)}, "or 4 of them, in deg"),
        ({"angle": None}, "expected one finite number"),
        ({"on": 2}, r"do\(on\): 2 is no class of 'on', whose classes are 0, 1"),
        ({"on": "+1"}, r"do\(on\): '\+1' is no class of 'on'"),
        ({"digit": 1.5}, r"do\(digit\): 1.5 is no class of 'digit', whose classes are 0, 1, 2"),
        ({"digit": [1, 2]}, r"do\(digit\) is \[1, 2\]: expected one class, or 4 of them"),
        ({"angle": ["+5", "+5", "+5", "+5"]}, "expected one finite number, or 4 of them, in deg"),
        ({"animal": "cow"}, "'cow' is no class of 'animal', whose classes are cat, dog"),
        ({"animal": "dgo"}, "did you mean 'dog'"),
        ({"animal": 1}, "1 is no class of 'animal'"),
        ({"animal": None}, "None is no class of 'animal'"),
        ({"animal": True}, "True is no class of 'animal'"),
        ({"smiling": 0}, "0 is no class of 'smiling', whose classes are -1, 1"),
        (["angle"], r"do is \['angle'\]: expected a mapping such as \{\"angle\": 1.0\}"),
    ],
)
def test_bad_interventions_are_named(do, message):
    with pytest.raises(InputError, match=message):
        check_do(do)


def test_a_value_far_outside_the_training_range_is_warned_about():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_do({"angle": 36.0})  # a tenth of the range of 60 is near
    with pytest.warns(UserWarning, match=r"do\(angle=36.5\) lies outside the range seen in training, -30 to 30 deg"):
        check_do({"angle": 36.5})
    with pytest.warns(UserWarning, match="do.light=41"):
        check_do({"light": 41})


@pytest.mark.parametrize(("change", "expected"), [("+2.5", 2.5), ("+-2.5", -2.5), ("*0.5", 0.0), ("*-1", -0.0)])
def test_soft_interventions_change_what_is_read(change, expected):
    read = np.array([0.0, 8.0], np.float32)
    found = checks.soften("light", change, read)
    assert found[0] == expected
    assert found[1] == (8 + expected if change[0] == "+" else 8 * float(change[1:]))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("light", "-3", r'do\(light\) is \'-3\': expected a number, "\+number" to add or "\*number" to multiply'),
        ("light", "+x", r"do\(light\) is '\+x': expected a number"),
        ("light", "*inf", r"do\(light\) is '\*inf': expected a number"),
        ("light", "", r"do\(light\) is '': expected a number"),
        ("light", "+1_0", r"do\(light\) is '\+1_0': expected a number"),
    ],
)
def test_bad_changes_are_named(name, change, message):
    with pytest.raises(InputError, match=message):
        checks.soften(name, change, np.zeros(2, np.float32))


def test_strength_is_one_number_or_one_for_some_of_what_is_set():
    do = {"angle": 3, "light": 90}
    for whole in (1, 1.0, {"angle": 1}, {}):
        assert checks.check_strength(whole, do, GRAPH) is None
    np.testing.assert_array_equal(checks.check_strength(0.25, do, GRAPH), np.float32([0.25, 1, 1, 0.25, 1, 1, 1]))
    np.testing.assert_array_equal(checks.check_strength({"light": 0}, do, GRAPH), np.float32([1, 1, 1, 0, 1, 1, 1]))


@pytest.mark.parametrize(
    ("strength", "message"),
    [
        (-1, "the strength of 'angle' is -1: expected a number from 0 to 1"),
        (1.5, "the strength of 'angle' is 1.5: expected a number from 0 to 1; to go further, ask for a value further"),
        ({"light": 0.5}, r"strength names 'light', which do does not set \(angle\): leave it out"),
        ({"angel": 0.5}, "no variable 'angel'"),
        ("much", "the strength of 'angle' is 'much': expected a number"),
        (True, "the strength of 'angle' is True: expected a number"),
        (float("nan"), "the strength of 'angle' is nan: expected a number"),
    ],
)
def test_bad_strengths_are_named(strength, message):
    with pytest.raises(InputError, match=message):
        checks.check_strength(strength, {"angle": 3}, GRAPH)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((2, 3)), r"shape \(2, 3\): expected finite values .* in the order angle, on, digit, light, animal"),
        (np.zeros(4), r"shape \(4,\)"),
        (np.full((2, 7), np.nan), "expected finite values"),
        ([["a", "b", "c", "d", "e", "f", "g"]], "the labels are not numbers"),
        ([[0, 0, 1.5, 0, 0, 0, 0]], "the labels of 'digit' are not whole numbers from 0 to 2"),
        ({"angle": [1, 2]}, "the labels have no column 'on': expected angle, on, digit"),
        ({**{key: [1] for key in GRAPH.names}, "animal": ["cow"]}, "'cow' is no class of 'animal'"),
        ({**{key: [1] for key in GRAPH.names}, "animal": ["cat"] * 2}, "different lengths"),
    ],
)
def test_bad_labels_are_named(labels, message):
    with pytest.raises(InputError, match=message):
        checks.check_labels(labels, GRAPH)
    np.testing.assert_array_equal(checks.check_labels(ROWS.tolist(), GRAPH), ROWS)


def test_labels_by_name_have_classes_by_word():
    columns = {"light": [50, 90], "angle": [1, 2], "on": [True, False], "digit": [2, 0], "smiling": [-1, 1]}
    columns |= {"animal": ["dog", "cat"], "time": [5.0, 1_748_229_505.0]}
    expected = [[1, 1, 2, 50, 1, 0, 5], [2, 0, 0, 90, 0, 1, 1_748_229_505]]
    for given in (columns, pd.DataFrame(columns)):
        np.testing.assert_array_equal(checks.check_labels(given, GRAPH), expected)


def test_a_context_is_one_class_or_one_each_or_unknown():
    assert checks.check_context(None, 3, 10).tolist() == [10, 10, 10]
    assert checks.check_context(4, 3, 10).tolist() == [4, 4, 4]
    found = checks.check_context(np.array([0, 9, 1], np.uint8), 3, 10)
    assert found.tolist() == [0, 9, 1] and found.dtype == np.int32


@pytest.mark.parametrize(
    ("context", "num_classes", "message"),
    [
        (10, 10, "context is 10: expected whole numbers from 0 to 9, one or 3"),
        (-1, 10, "context is -1"),
        (1.0, 10, "context is 1.0"),
        ([1, 2], 10, r"context is \[1, 2\]"),
        (1, 0, "context was given, but this model has none: leave it out"),
    ],
)
def test_bad_contexts_are_named(context, num_classes, message):
    with pytest.raises(InputError, match=message):
        checks.check_context(context, 3, num_classes)
