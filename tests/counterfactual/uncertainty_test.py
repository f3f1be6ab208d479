"""Errors of readings: how wide they are where, that draws of them hold the truth, and what is said of draws."""

import numpy as np
import pytest

from cdae_jax.counterfactual.uncertainty import (
    Uncertainty,
    draw_labels,
    features_of,
    fit_reading,
    scales,
    spread_of,
)
from cdae_jax.graph import CausalGraph, Variable

GRAPH = CausalGraph((Variable("a"), Variable("b", ("a",)), Variable("c", kind="categorical", classes=3)))


def readings(num, seed=0, noise=lambda a: 0.1 + 0 * a):
    """Features, labels read and true labels, whose first is misread with the standard deviation noise(a)."""
    rng = np.random.default_rng(seed)
    true = np.concatenate([rng.normal(size=(num, 2)), rng.integers(0, 3, (num, 1))], 1)
    read = true.copy()
    read[:, 0] -= noise(true[:, 1]) * rng.normal(size=num)
    read[:, 1] += 0.05 * rng.standard_t(3, size=num)
    wrong = rng.random(num) < 0.2
    read[wrong, 2] = (read[wrong, 2] + 1) % 3
    z = read[..., None] + 0.05 * rng.normal(size=(num, 3, 4))
    code = np.repeat(read[..., None], 4, -1)
    return features_of(read, z, code), read, true


def uneven(b):
    return 0.1 * np.exp(0.7 * b)


def test_a_scale_follows_the_image_where_errors_do():
    features, read, true = readings(1_000, noise=uneven)
    found = scales(fit_reading(features, read, true, GRAPH), features)
    assert np.corrcoef(np.log(found[:, 0]), true[:, 1])[0, 1] > 0.95
    slope = np.polyfit(true[:, 1], np.log(found[:, 0]), 1)[0]
    assert slope == pytest.approx(0.7, abs=0.12)


@pytest.mark.parametrize("num", [65, 1_000])
@pytest.mark.parametrize("seed", range(5))
def test_a_scale_is_one_for_all_where_errors_are_alike(num, seed):
    features, read, true = readings(num, seed)
    found = scales(fit_reading(features, read, true, GRAPH), features)
    assert np.ptp(found[:, 0]) == 0


@pytest.mark.parametrize(("num", "allowed"), [(65, 0.06), (1_000, 0.03)])
def test_draws_hold_nine_in_ten_truths_of_new_images_wherever_they_are(num, allowed):
    inside, outer = [], []
    for seed in range(5):
        reading = fit_reading(*readings(num, seed, uneven), GRAPH)
        features, read, true = readings(600, seed + 100, uneven)
        rng = np.random.default_rng(seed)
        drawn = np.stack([draw_labels(reading, read, features, GRAPH, rng) for _ in range(99)])
        spread = spread_of(drawn, read, GRAPH)
        hit = ((spread.low <= true) & (true <= spread.high))[:, :2]
        inside.append(hit.mean(0))
        outer.append([hit[true[:, 1] > 1, 0].mean(), hit[true[:, 1] < -1, 0].mean()])
    np.testing.assert_allclose(np.mean(inside, 0), 0.9, atol=allowed)
    if num == 1_000:
        np.testing.assert_allclose(np.mean(outer, 0), 0.9, atol=0.06)


def test_a_class_is_drawn_as_often_as_it_is_misread():
    features, read, true = readings(2_000)
    reading = fit_reading(features, read, true, GRAPH)
    drawn = draw_labels(reading, read, features, GRAPH, np.random.default_rng(1))
    assert (drawn[:, 2] == read[:, 2]).mean() == pytest.approx(0.8, abs=0.03)
    assert set(drawn[:, 2]) == {0, 1, 2}
    spread = spread_of(np.stack([drawn, read]), read, GRAPH)
    assert set(spread.sure[:, 2]) == {0.5, 1.0} and np.isnan(spread.sd[:, 2]).all()
    assert np.isnan(spread.sure[:, :2]).all()


def test_variables_that_are_misread_together_are_drawn_together():
    features, read, true = readings(1_000)
    read = true - np.where([True, True, False], 0.1, 0) * np.random.default_rng(3).normal(size=(1_000, 1))
    drawn = draw_labels(fit_reading(features, read, true, GRAPH), read, features, GRAPH, np.random.default_rng(0))
    np.testing.assert_allclose((drawn - read)[:, 0], (drawn - read)[:, 1], atol=1e-6)


def test_labels_that_are_unknown_teach_nothing():
    features, read, true = readings(1_000)
    half = true.copy()
    half[::2, 0] = np.nan
    found = fit_reading(features, read, half, GRAPH)
    assert np.isfinite(found.errors).all()
    np.testing.assert_allclose(
        np.sort(np.abs(found.errors[1::2, 0] * np.exp(found.bias[0]))), np.sort(np.abs((true - read)[1::2, 0]))
    )


@pytest.mark.parametrize(("num", "share"), [(2, 1 / 3), (9, 0.8), (19, 0.9), (64, 0.9)])
def test_an_interval_of_few_draws_holds_what_it_can(num, share):
    rng = np.random.default_rng(num)
    graph = CausalGraph((Variable("a"),))
    spread = spread_of(rng.normal(size=(num, 20_000, 1)), np.zeros((20_000, 1)), graph)
    new = rng.normal(size=(20_000, 1))
    assert ((spread.low <= new) & (new <= spread.high)).mean() == pytest.approx(share, abs=0.012)


def test_what_is_stored_is_what_is_read_and_members_go_round():
    reading = fit_reading(*readings(100), GRAPH)
    members = {"mechanisms_b": {"Dense_0": {"bias": np.arange(6.0).reshape(3, 2)}}}
    stored = Uncertainty(2, reading, members).to_arrays()
    found = Uncertainty.from_arrays(stored)
    assert found.fit_steps == 2 and found.num_members == 3
    np.testing.assert_array_equal(found.member(4)["mechanisms_b"]["Dense_0"]["bias"], [2, 3])
    for name, array in reading._asdict().items():
        np.testing.assert_array_equal(getattr(found.reading, name), array)
    alone = Uncertainty.from_arrays(Uncertainty(0, reading, {}).to_arrays())
    assert alone.num_members == 0 and alone.member(3) == {}


def test_labels_are_told_with_what_is_unsure_of_them():
    told = np.array([[4.2, 1.0, 2.0], [4.2, 1.0, 2.0]])
    drawn = np.stack([told, told + np.array([[0.3, 0, 0], [0, 0, -1]])])
    spread = spread_of(drawn, told, GRAPH)
    assert spread.told(GRAPH, told) == [["4.2 (4.2..4.5)", "1", "2"], ["4.2", "1", "2 (50%)"]]
