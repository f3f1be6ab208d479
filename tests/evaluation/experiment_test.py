"""Counterfactuals against images of which a variable was really set: of models that know all of it, or do nothing."""

import dataclasses

import numpy as np
import pytest
import stripes

from cdae_jax.data.dataset import Split
from cdae_jax.evaluation.experiment import distances, measure_experiment, rows_with, told
from cdae_jax.graph import CausalGraph, Variable


def with_experiment(num=2_000, **changes):
    """The world of stripes, of which a was set in some images, c in others and both in a few, from 120 to 155."""
    labels = stripes.world(num, seed=3).test.labels
    mask = np.zeros((num, 3), bool)
    mask[: num // 2, 0] = mask[num // 2 - 3 :, 2] = True
    values = np.random.default_rng(4).integers(120, 155, (num, 3)).astype(np.float32)
    labels = stripes.true_counterfactual(labels, mask, values)
    held = Split(stripes.render(labels), labels, intervened=mask)
    return dataclasses.replace(stripes.world(2_000, **changes), interventional=held)


def test_images_count_for_the_variable_that_alone_was_set_to_what_is_known():
    world = with_experiment(20)
    world.interventional.labels[0, 0] = np.nan
    np.testing.assert_array_equal(rows_with(world, "a"), range(1, 7))
    assert len(rows_with(world, "b")) == 0 and len(rows_with(world, "c")) == 10
    assert len(rows_with(stripes.world(), "a")) == 0


def test_distances_are_how_far_samples_have_to_be_moved():
    graph = CausalGraph((Variable("x"), Variable("kind", kind="categorical", classes=3)))
    read, other = np.array([[0.0, 0.1], [4, 2], [2, 1.9]]), np.array([[3.0, 2], [7, 2], [5, 2], [3, 2], [5, 2], [7, 0]])
    assert distances(graph, read, other, np.array([2.0, 1])) == [pytest.approx(1.5), pytest.approx(1 / 6)]


@pytest.mark.parametrize("known", [{}, {"true_counterfactual": None, "render": None}])
@pytest.mark.parametrize("name", ["a", "c"])
def test_a_model_of_the_truth_is_as_near_as_the_experiment_to_itself(tmp_path, name, known):
    bench = stripes.bench_of(stripes.OfTheTruth, tmp_path, 1_000, with_experiment(**known))
    found = measure_experiment(bench, name)
    assert max(found["distance"].values()) < 0.15 and max(found["halves"].values()) < 0.25
    assert found["unchanged"][name] > 0.6 and found["distance"][name] < 0.02
    assert (found["unchanged"]["b"] > 1) == (name == "a")
    assert found["count"] == (997 if name == "a" else 1_000)


def test_a_model_that_moves_no_effect_is_told_by_it(tmp_path):
    bench = stripes.bench_of(stripes.Idle, tmp_path, 1_000, with_experiment())
    found = measure_experiment(bench, "a")
    assert found["distance"] == found["unchanged"]


def test_the_report_has_a_row_for_every_experiment():
    found = {"distance": {"a": 0.5, "b": 1.25}, "halves": {"a": 0.1, "b": 0.2}, "unchanged": {"a": 2, "b": 3}}
    lines, rows = told({"experiment": {"do(a)": found | {"count": 7}, "do(b)": found | {"count": 9}}}, ("a", "b"))
    assert lines[0].startswith("Against 7 to 9 held-out images")
    assert rows[0] == ["do(a)", "0.500 [0.100; 2.000]", "1.250 [0.200; 3.000]"] and rows[1][0] == "do(b)"
