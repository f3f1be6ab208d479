"""What a user may hand to a trained model, and the sentence for everything else."""

import dataclasses
import warnings

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cdae_jax.data.framing import Framing
from cdae_jax.data.labels import LabelStats
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.inference import checks
from cdae_jax.inference.answers import Counterfactuals

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


def check_do(do, num=4):
    return checks.check_do(do, num, GRAPH, STATS)


RGB, GRAY = Framing(8, 3), Framing(8, 1)
MANY = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)


def test_images_come_as_people_have_them():
    assert checks.check_images(MANY, RGB) is MANY
    forms = (
        *(list(MANY), [Image.fromarray(image) for image in MANY], tuple(MANY), jnp.asarray(MANY), MANY.tolist()),
        *(MANY / 255, (MANY / 255).astype(np.float32), MANY * np.uint16(257), Counterfactuals(MANY, np.zeros((5, 2)))),
        np.concatenate([MANY, np.full((5, 8, 8, 1), 255, np.uint8)], -1),
    )
    for form in forms:
        found = checks.check_images(form, RGB)
        np.testing.assert_array_equal(found, MANY)
        assert found.dtype == np.uint8
    for form in (MANY[0], Image.fromarray(MANY[0]), [MANY[0]], MANY[0] / 255):
        np.testing.assert_array_equal(checks.check_images(form, RGB), MANY[:1])


def test_gray_images_need_no_channel():
    for form in (MANY[..., 0], MANY[..., 0] / 255, [Image.fromarray(image[..., 0]) for image in MANY], MANY[..., :1]):
        np.testing.assert_array_equal(checks.check_images(form, GRAY), MANY[..., :1])
        np.testing.assert_array_equal(checks.check_images(form, RGB), MANY[..., :1].repeat(3, -1))
    for num in (1, 3, 4, 8):  # as many as there might be channels, or rows
        assert checks.check_images(np.zeros((num, 8, 8), np.uint8), GRAY).shape == (num, 8, 8, 1)
    assert checks.check_images(MANY[0, ..., 0], GRAY).shape == checks.check_images(MANY[0, ..., :1], GRAY).shape
    luminance = MANY @ np.array([0.299, 0.587, 0.114])
    assert np.abs(checks.check_images(MANY, GRAY)[..., 0] - luminance).max() <= 1
    assert (checks.check_images(np.eye(8, dtype=bool), GRAY)[0, ..., 0] == 255 * np.eye(8)).all()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (MANY[:, :4, :4], r"4 high and 4 wide, and the model's 8 x 8: give model.prepare\(images\), which brings them"),
        ([MANY[0], MANY[1, :4]], r"4 high and 8 wide, .* model.prepare\(images\)"),
        (Image.new("RGB", (20, 10)), r"10 high and 20 wide, .* model.prepare\(images\)"),
        (MANY[:0], r"shape \(0, 8, 8, 3\): expected uint8"),
        (MANY.transpose(0, 3, 1, 2), r"the channels first: give np.moveaxis\(images, 1, -1\)"),
        (MANY[0].transpose(2, 0, 1), r"give np.moveaxis\(images, 0, -1\)"),
        (MANY / 127.5 - 1, r"values go from -1 to .*, not from 0 to 1; \(images \+ 1\) / 2 brings -1..1 there"),
        (MANY.astype(np.float32), "not from 0 to 1; .* images / 255 0..255"),
        (np.full((8, 8, 3), np.nan), "from nan to nan"),
        (None, "expected uint8"),
        ("nowhere.png", "there are no images at 'nowhere.png'"),
        ([[1, 2], [3]], "the images are no array"),
    ],
)
def test_bad_images_are_named(images, message):
    with pytest.raises(InputError, match=message):
        checks.check_images(images, RGB)


@pytest.mark.parametrize("given", [np.float64(1), [np.float32(1), np.float32(-1)] * 2, np.ones(4)])
def test_floats_that_may_be_codes_are_refused_wherever_labels_are_given(given):
    message = "'?smiling'?.* is of NumPy's floats, which may be codes of the classes -1, 1"
    with pytest.raises(InputError, match=message):
        check_do({"smiling": given})
    with pytest.raises(InputError, match=message):
        checks.check_known({"smiling": given}, 4, GRAPH, STATS)
    columns = {name: np.ones(4, int) for name in GRAPH.names} | {"animal": ["dog"] * 4, "smiling": np.resize(given, 4)}
    with pytest.raises(InputError, match=message):
        checks.check_labels(columns, GRAPH)
    as_read = pd.DataFrame(columns)  # pandas reads numbers beside empty cells as floats
    assert checks.check_labels(as_read, GRAPH)[0, GRAPH.index("smiling")] == 1


def test_nearly_black_images_are_told_in_use_as_in_training():
    for images in (MANY // 128, [MANY[0] // 128], MANY / 255 / 300):
        with pytest.warns(UserWarning, match="is brighter than 1 of 255: multiply masks"):
            checks.check_images(images, RGB)
    twelve = (MANY[..., 0] * 16).astype(np.uint16)
    with pytest.warns(UserWarning) as told:
        checks.check_images(twelve, GRAY)
    assert any("white_level" in str(warning.message) for warning in told)


def test_floats_from_0_to_1_are_refused_where_the_white_level_says_otherwise():
    deep = dataclasses.replace(GRAY, white_level=4095.0)
    assert checks.check_images(MANY[..., 0] / 255 * 4095, deep).max() > 200
    with pytest.raises(InputError, match="values are at most .*, but the white_level is 4095: .* multiply by 4095"):
        checks.check_images(MANY[..., 0] / 255, deep)


def test_a_seed_is_a_whole_number():
    assert checks.check_seed(np.int64(7)) == 7 and checks.check_seed(2**32 - 1) == 2**32 - 1
    for seed in (None, -1, 2**32, 1.0, True, "1"):
        with pytest.raises(InputError, match=f"seed is {seed!r}: expected a whole number from 0 to 4294967295"):
            checks.check_seed(seed)


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
        ({"angle": ["+5"] * 4}, r"expected numbers; a change is one text for all images, such as \"\+5\""),
        ({"angle": np.array(["1", "*2", "3", "4"])}, "a change is one text for all images"),
        ({"on": 2}, r"do\(on\): 2 is no class of 'on', whose classes are 0, 1"),
        ({"on": "+1"}, r"do\(on\): '\+1' is no class of 'on'"),
        ({"digit": 1.5}, r"do\(digit\): 1.5 is no class of 'digit', whose classes are 0, 1, 2"),
        ({"digit": [1, 2]}, r"do\(digit\) is \[1, 2\]: expected one class, or 4 of them"),
        ({"animal": "cow"}, "'cow' is no class of 'animal', whose classes are cat, dog"),
        ({"animal": "dgo"}, "did you mean 'dog'"),
        ({"animal": 1}, "1 is no class of 'animal'"),
        ({"animal": None}, "None is no class of 'animal'"),
        ({"animal": True}, "True is no class of 'animal'"),
        ({"smiling": 0}, "0 is no class of 'smiling', whose classes are -1, 1"),
        ({"smiling": np.array([0.0, 1, 1, 0])}, "is of NumPy's floats, which may be codes of the classes -1, 1"),
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
        np.testing.assert_array_equal(checks.check_strength(whole, do, GRAPH), np.ones(7, np.float32))
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


def test_classes_are_known_as_the_table_spells_them():
    graph = CausalGraph((Variable("size"), Variable("animal", ("size",), values=("cat", "dog"), kind="auto")))
    stats = LabelStats.of(np.array([[0.0, 0], [10, 1]]), graph)
    y = checks.check_known({"animal": ["dog", None, "Cat"]}, 3, graph, stats)
    np.testing.assert_allclose(y[:, 1], [1, np.nan, -1])


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
        ({"on": 0.3}, "0.3 is no class of 'on'"),
        (np.array([[1, 0.3], [1, 1]]), "the labels of 'on' are not whole numbers from 0 to 1"),
    ],
)
def test_labels_that_cannot_be_known_are_refused(given, sentence):
    with pytest.raises(InputError, match=sentence):
        checks.check_known(given, 2, KNOWN, KNOWN_STATS)


def test_a_class_of_two_is_one_of_its_codes_too():
    two = CausalGraph((Variable("lit", kind="binary"), Variable("size")))
    np.testing.assert_array_equal(checks.check_labels([[1, 7.5]], two), [[1, 7.5]])
    for wrong in (0.4, 7):
        with pytest.raises(InputError, match="the labels of 'lit' are not whole numbers from 0 to 1"):
            checks.check_labels([[wrong, 7.5]], two)


def test_nan_beside_words_is_an_unknown_label():
    known = checks.check_known({KNOWN.names[1]: [KNOWN.variables[1].words[0], np.nan]}, 2, KNOWN, KNOWN_STATS)
    assert np.isfinite(known[0, 1]) and np.isnan(known[1, 1])


@pytest.mark.parametrize("value", [np.float32(0.5), np.int64(1)])
def test_strengths_may_be_numbers_of_numpy(value):
    assert checks.check_strength(value, {"a": 1.0}, CausalGraph((Variable("a"),)))[0] == value
