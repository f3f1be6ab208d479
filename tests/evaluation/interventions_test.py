"""Interventions: what is known of the truth, and measures of models that know all of it or do nothing."""

import dataclasses

import numpy as np
import pytest
import stripes

from cdae_jax.data import circuit
from cdae_jax.data.dataset import Dataset
from cdae_jax.evaluation.interventions import (
    errors_by_variable,
    known_counterfactual,
    labels_under,
    measure_do,
    noise_redrawn,
)
from cdae_jax.evaluation.metrics import sharpness
from cdae_jax.graph import CausalGraph, Variable


def test_what_is_known_of_a_counterfactual_without_mechanisms():
    graph = CausalGraph((Variable("a"), Variable("b", ("a",)), Variable("c", ("b",)), Variable("d")))
    labels = np.arange(8.0).reshape(2, 4)
    mask = np.array([[True, False, False, False], [False, True, False, False]])
    found = known_counterfactual(graph, labels, mask, np.full((2, 4), 9.0))
    np.testing.assert_array_equal(found, [[9, np.nan, np.nan, 3], [4, 9, np.nan, 7]])


def test_labels_under_do_follow_the_true_mechanisms_or_end_at_the_descendants():
    labels = np.float32([[10, 30, 5], [20, 25, 6]])
    np.testing.assert_array_equal(labels_under(stripes.world(), labels, {"a": 40.0}), [[40, 60, 5], [40, 45, 6]])
    several = {"a": np.array([1, 2]), "b": 3.0}
    np.testing.assert_array_equal(labels_under(stripes.world(), labels, several), [[1, 3, 5], [2, 3, 6]])
    nobody_knows = stripes.world(true_counterfactual=None)
    found = labels_under(nobody_knows, labels, {"a": 40.0})
    np.testing.assert_array_equal(found, [[40, np.nan, 5], [40, np.nan, 6]])
    assert found.dtype == np.float32


def test_redrawn_noise_leaves_only_the_descendants_own_noise():
    labels = circuit.draw_labels(2_000, np.random.default_rng(0))
    data = Dataset("circuit", circuit.GRAPH, None, None, true_counterfactual=circuit.true_counterfactual)
    found = noise_redrawn(data, "blue", labels, labels[np.random.default_rng(1).permutation(len(labels))], np.ones(4))
    assert list(found) == ["red"]
    # Two independent draws of red with the same parents.
    redrawn = circuit.lamps(labels[:, 0], np.random.default_rng(2).uniform(size=(2_000, 3)))
    parents_held = np.tile([True, True, True, False], (2_000, 1))
    others = np.concatenate([labels[:, :1], redrawn], 1).astype(np.float32)
    held = circuit.true_counterfactual(others, parents_held, labels)
    assert found["red"]["physical"] == pytest.approx(np.abs(held - labels)[:, 3].mean(), rel=0.1)


def test_errors_are_told_by_variable_and_of_classes_by_accuracy_too():
    graph = CausalGraph((Variable("a"), Variable("on", kind="binary")))
    read, true = np.array([[1.0, 0.9], [3, 0.8], [5, 0.1]]), np.array([[2.0, 1], [np.nan, 0], [7, 0]])
    found = errors_by_variable(graph, read, true, np.array([2.0, 0.5]))
    assert found["a"].keys() == {"normalised", "interval", "physical", "count"}
    assert (found["a"]["normalised"], found["a"]["physical"], found["a"]["count"]) == (0.75, 1.5, 2)
    assert found["on"]["accuracy"] == pytest.approx(2 / 3) and found["on"]["f1"] == pytest.approx(2 / 3)


def test_a_model_of_the_truth_has_no_error(tmp_path):
    bench = stripes.bench_of(stripes.OfTheTruth, tmp_path)
    found = measure_do(bench, "a")
    result = found.result
    np.testing.assert_array_equal(found.images, found.true_images)
    assert found.gaps.shape == (40, 3) and (found.gaps == 0).all()
    for name in stripes.GRAPH.names:
        assert (
            result["effectiveness"][name]["normalised"] == result["effectiveness"][name]["predictor"]["physical"] == 0
        )
        assert result["floor"][name]["normalised"] == 0
    assert result["effectiveness"]["mean_of_others"]["mean"] == 0
    assert result["mechanism"].keys() == result["noise_redrawn"].keys() == {"b"}
    assert result["mechanism"]["b"]["normalised"] == 0 < result["noise_redrawn"]["b"]["normalised"]
    pixels = result["counterfactual_error"]
    assert pixels["mse"]["mean"] == 0 < pixels["mse_unchanged"] and pixels["ssim"]["mean"] == pytest.approx(1)
    assert pixels["ssim_unchanged"] < 1 and result["reversibility"]["mean"] == 0
    assert result["realism"]["frechet"] == result["realism"]["frechet_of_true_images"] > 0
    assert result["realism"]["sharpness"]["mean"] == pytest.approx(1)
    assert result["minimality"]["mean"] > 0


def test_a_model_that_does_nothing_is_as_good_as_the_image_left_unchanged(tmp_path):
    bench = stripes.bench_of(stripes.Idle, tmp_path)
    found = measure_do(bench, "a")
    result = found.result
    others = result["effectiveness"]["mean_of_others"]
    assert others["mean"] == pytest.approx(found.gaps[:, 1:].mean()) != pytest.approx(found.gaps.mean())
    for name, error in result["unchanged"].items():
        assert error.items() <= result["effectiveness"][name].items()
    assert result["unchanged"]["a"]["normalised"] > 0.5 and result["unchanged"]["c"]["normalised"] == 0
    assert result["mechanism"]["b"]["normalised"] == result["unchanged"]["b"]["normalised"] > 0
    pixels = result["counterfactual_error"]
    assert pixels["mse"]["mean"] == pixels["mse_unchanged"] and pixels["ssim"]["mean"] == pixels["ssim_unchanged"]
    assert result["minimality"]["mean"] == 0 and result["realism"]["frechet"] == pytest.approx(0, abs=1e-9)
    assert result["reversibility"]["mean"] == 0


def test_where_nobody_knows_the_mechanisms_descendants_are_left_out(tmp_path):
    data = stripes.world(true_counterfactual=None, render=None)
    bench = stripes.bench_of(stripes.OfTheTruth, tmp_path, dataset=data)
    found = measure_do(bench, "a")
    sharp = sharpness(found.images, bench.test.images).mean()  # of test images, where nothing renders
    assert found.result["realism"]["sharpness"]["mean"] == pytest.approx(sharp) != pytest.approx(1)
    assert np.isnan(found.gaps[:, 1]).all() and (found.gaps[:, [0, 2]] == 0).all() and found.true_images is None
    assert found.result["effectiveness"]["b"]["count"] == 0 and found.result["effectiveness"]["c"]["count"] == 40
    assert not {"noise_redrawn", "counterfactual_error", "floor"} & found.result.keys()


def test_every_model_is_asked_for_the_marginal_of_the_test_images(tmp_path):
    found = [measure_do(stripes.bench_of(kind, tmp_path), "c") for kind in (stripes.OfTheTruth, stripes.Idle)]
    np.testing.assert_array_equal(found[0].values, found[1].values)
    np.testing.assert_array_equal(np.sort(found[0].values), np.sort(stripes.world().test.labels[:40, 2]))
    np.testing.assert_array_equal(found[0].read[:, 2], found[0].values)


def test_half_of_a_change_starts_from_what_the_rest_of_do_leaves():
    labels, world = np.array([[40.0, 60, 90]]), stripes.world()
    np.testing.assert_allclose(labels_under(world, labels, {"a": 80}, 0.5), [[60, 80, 90]])
    both = labels_under(world, labels, {"b": 200, "a": 80}, {"b": 0.25})  # b would be 100 under do(a)
    np.testing.assert_allclose(both, [[80, 0.75 * 100 + 0.25 * 200, 90]])
    np.testing.assert_allclose(labels_under(world, labels, {"a": 80}, 0), labels)
    classes = CausalGraph((Variable("a", kind="binary"), Variable("b", ("a",)), Variable("c")))
    between = labels_under(dataclasses.replace(world, graph=classes), labels, {"a": 1}, 0.5)
    np.testing.assert_array_equal(between, [[np.nan, np.nan, 90]])  # what lies between two classes nobody knows
