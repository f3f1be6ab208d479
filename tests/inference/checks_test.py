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
    )
)
ROWS = np.array([[-30, 0, 0, 50], [30, 1, 2, 130], [0, 1, 1, 90]], np.float32)
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
    assert np.isnan(check_do({})).all() and check_do({}).shape == (4, 4)
    assert np.isnan(check_do({"angle": 3})[:, 1:]).all()


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ({"angel": 3}, "no variable 'angel'.*did you mean 'angle'"),
        ({"angle": "north"}, r"do\(angle\) is 'north': expected one finite number, or 4 of them, in deg"),
        ({"light": np.nan}, r"do\(light\) is nan: expected one finite number, or 4 of them, in the unit of its labels"),
        ({"angle": np.zeros(3)}, "or 4 of them, in deg"),
        ({"angle": None}, "expected one finite number"),
        ({"on": 2}, r"do\(on\) is 2: on is binary, expected 0 or 1"),
        ({"digit": 1.5}, r"do\(digit\) is 1.5: digit is categorical, expected a whole number from 0 to 2"),
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
    found = checks.soften("light", change, read, GRAPH)
    assert found.dtype == np.float32 and found[0] == expected
    assert found[1] == (8 + expected if change[0] == "+" else 8 * float(change[1:]))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("light", "-3", r'do\(light\) is \'-3\': expected a number, "\+number" to add or "\*number" to multiply'),
        ("light", "+x", r"do\(light\) is '\+x': expected a number"),
        ("light", "*inf", r"do\(light\) is '\*inf': expected a number"),
        ("light", "", r"do\(light\) is '': expected a number"),
        ("digit", "+1", r"do\(digit\) is '\+1': digit has classes, which can only be set"),
        ("on", "+1", r"do\(on\) is '\+1': on has classes, which can only be set"),
    ],
)
def test_bad_changes_are_named(name, change, message):
    with pytest.raises(InputError, match=message):
        checks.soften(name, change, np.zeros(2, np.float32), GRAPH)


def test_strength_is_one_number_or_one_for_some_of_what_is_set():
    do = {"angle": 3, "light": 90}
    for whole in (1, 1.0, {"angle": 1}, {}):
        assert checks.check_strength(whole, do, GRAPH) is None
    np.testing.assert_array_equal(checks.check_strength(0.25, do, GRAPH), np.float32([0.25, 1, 1, 0.25]))
    np.testing.assert_array_equal(checks.check_strength({"light": 0}, do, GRAPH), np.float32([1, 1, 1, 0]))


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
        (np.zeros((2, 3)), r"shape \(2, 3\): expected finite values .* in the order angle, on, digit, light"),
        (np.zeros(4), r"shape \(4,\)"),
        (np.full((2, 4), np.nan), "expected finite values"),
        ([["a", "b", "c", "d"]], "the labels are not numbers"),
        ([[0, 0, 1.5, 0]], "the labels of 'digit' are not whole numbers from 0 to 2"),
    ],
)
def test_bad_labels_are_named(labels, message):
    with pytest.raises(InputError, match=message):
        checks.check_labels(labels, GRAPH)
    np.testing.assert_array_equal(checks.check_labels(ROWS.tolist(), GRAPH), ROWS)


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


KNOWN = CausalGraph((Variable("size"), Variable("on", ("size",), "binary")))
KNOWN_STATS = LabelStats.of(np.array([[0.0, 0], [10, 1]]), KNOWN)  # mean and sd: 5, 0.5


@pytest.mark.parametrize(
    "given",
    [
        np.array([[10, 1], [np.nan, 0]]),
        {"size": [10, np.nan], "on": [1, 0]},
        pd.DataFrame({"on": [True, False], "size": [10, np.nan]}, index=["b", "a"]),
    ],
)
def test_known_labels_are_standardised_however_they_are_given(given):
    y = checks.check_known(given, 2, KNOWN, KNOWN_STATS)
    np.testing.assert_allclose(y, [[1, 1], [np.nan, -1]])
    assert y.dtype == np.float32


def test_one_row_or_one_value_holds_for_all_images():
    np.testing.assert_allclose(checks.check_known([10, np.nan], 2, KNOWN, KNOWN_STATS), [[1, np.nan]] * 2)
    np.testing.assert_allclose(checks.check_known({"size": 10}, 2, KNOWN, KNOWN_STATS), [[1, np.nan]] * 2)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"sise": 1}, "there is no variable 'sise'; .* did you mean 'size'"),
        ({"size": [1, 2, 3]}, r"the label of 'size' is \[1, 2, 3\]: expected numbers of shape \(2,\)"),
        (
            np.zeros((3, 2)),
            r"the array of labels has the shape \(3, 2\): expected numbers of shape \(2, 2\)",
        ),
        ({"size": np.inf}, "the label of 'size' is inf"),
        ({"on": 0.3}, "the labels of 'on' are not whole numbers from 0 to 1"),
    ],
)
def test_labels_that_cannot_be_known_are_refused(given, sentence):
    with pytest.raises(InputError, match=sentence):
        checks.check_known(given, 2, KNOWN, KNOWN_STATS)
