"""Statistics of labels, and labels standardised and back."""

import json

import numpy as np
import pytest

from cdae_jax.data.labels import LabelStats, shown
from cdae_jax.errors import InputError
from cdae_jax.graph import CLASS, CausalGraph, Variable

GRAPH = CausalGraph((Variable("a"), Variable("digit", kind="categorical", classes=3), Variable("on", kind="binary")))
LABELS = np.array([[1, 0, 0], [3, 2, 1], [np.nan, 1, 1], [8, 1, 0]], np.float32)


def test_labels_get_mean_0_and_deviation_1_and_classes_stay():
    stats = LabelStats.of(LABELS, GRAPH)
    y = stats.standardise(LABELS)
    np.testing.assert_allclose(np.nanmean(y[:, [0, 2]], 0), 0, atol=1e-6)
    np.testing.assert_allclose(np.nanstd(y[:, [0, 2]], 0), 1, rtol=1e-6)
    np.testing.assert_array_equal(y[:, 1], LABELS[:, 1])
    assert np.isnan(y[2, 0]) and y.dtype == np.float32
    np.testing.assert_allclose(stats.physical(y), LABELS, rtol=1e-6)
    assert stats.low.tolist() == [1, 0, 0] and stats.high.tolist() == [8, 2, 1]


def test_by_their_range_they_lie_between_minus_1_and_1():
    stats = LabelStats.of(LABELS, GRAPH, "range")
    y = stats.standardise(LABELS)
    np.testing.assert_allclose(y[:, 0], [-1, -3 / 7, np.nan, 1], rtol=1e-6)
    np.testing.assert_array_equal(y[:, 1], LABELS[:, 1])
    np.testing.assert_array_equal(y[:, 2], [-1, 1, 1, -1])
    np.testing.assert_allclose(stats.physical(y), LABELS, rtol=1e-6)


@pytest.mark.parametrize("scale", ["sd", "range"])
def test_a_binary_effect_that_is_a_class_is_minus_1_and_1(scale):
    graph = CausalGraph((Variable("a"), Variable("on", ("a",), kind="binary", mechanism=CLASS)))
    labels = np.array([[1, 0], [3, 1], [8, 1], [9, np.nan]])
    np.testing.assert_array_equal(LabelStats.of(labels, graph, scale).standardise(labels)[:, 1], [-1, 1, 1, np.nan])


def test_rows_are_whole_and_not_too_many():
    np.testing.assert_array_equal(LabelStats.of(LABELS, GRAPH).rows, LABELS[[0, 1, 3]])
    np.testing.assert_array_equal(LabelStats.of(LABELS, GRAPH, num_rows=2).rows, LABELS[:2])


def test_they_survive_json():
    assert LabelStats.of(LABELS, GRAPH).seen is None
    stats = LabelStats.of(LABELS[:2], GRAPH).seen_with(LABELS)
    assert len(stats.seen) > len(stats.rows) and (stats.high >= stats.rows.max(0)).all()
    again = LabelStats.from_dict(json.loads(json.dumps(stats.to_dict())))
    for name, value in vars(stats).items():
        np.testing.assert_array_equal(getattr(again, name), value)
        assert getattr(again, name).dtype == np.float64


@pytest.mark.parametrize(("column", "how_many"), [([np.nan] * 4, "no"), ([2, np.nan, 2, 2], "only one")])
def test_a_variable_that_says_nothing_is_refused(column, how_many):
    labels = LABELS.copy()
    labels[:, 0] = column
    with pytest.raises(InputError, match=f"the variable 'a' has {how_many} value among the training labels"):
        LabelStats.of(labels, GRAPH)


@pytest.mark.parametrize("scale", ["sd", "range"])
def test_times_that_float32_cannot_tell_apart_stay_apart(scale):
    times = 1_748_229_500 + 5.0 * np.arange(200)
    assert len(np.unique(times.astype(np.float32))) < 10
    stats = LabelStats.of(times[:, None], CausalGraph((Variable("time"),)), scale)
    y = stats.standardise(times[:, None])
    assert y.dtype == np.float32 and len(np.unique(y)) == 200
    if scale == "sd":
        assert abs(y.mean()) < 1e-6 and y.std() == pytest.approx(1, rel=1e-6)
    np.testing.assert_allclose(stats.physical(y)[:, 0], times, rtol=0, atol=1e-3)


def test_the_statistics_of_float32_labels_are_not_those_of_its_sums():
    labels = np.random.default_rng(0).normal(1000, 0.01, (100_000, 1)).astype(np.float32)
    stats = LabelStats.of(labels, CausalGraph((Variable("a"),)))
    assert stats.mean[0] == pytest.approx(labels.astype(np.float64).mean(), rel=1e-12)
    assert stats.sd[0] == pytest.approx(labels.astype(np.float64).std(), rel=1e-9)


@pytest.mark.parametrize(
    ("value", "low", "high", "told"),
    [
        (1.23456, 0, 10, "1.235"),
        (-30.0, -30, 30, "-30"),
        (1_748_229_505, 1_748_229_500, 1_748_230_495, "1748229505"),
        (100.25, 100, 101, "100.25"),
        (3.0, 3.0, 3.0, "3"),
    ],
)
def test_numbers_are_shown_with_the_digits_that_tell_them_apart(value, low, high, told):
    assert shown(value, low, high) == told
