"""Coverage of intervals: counted rightly, by hand, and said in the report."""

import dataclasses
import types

import numpy as np
import pytest
import stripes

from cdae_jax.counterfactual.uncertainty import spread_of
from cdae_jax.evaluation import coverage
from cdae_jax.evaluation.bench import Bench
from cdae_jax.evaluation.coverage import held, measure_uncertainty
from cdae_jax.evaluation.report import UNKNOWN, _uncertainty
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.inference.answers import Believed

TRUE = np.ones(6, bool)


def test_what_is_held_is_counted_by_width():
    width = np.array([0.1, 3, 1, 0.2, 2, 1.1])
    error = np.array([0.2, 1, 0.1, 0.05, 3, 0.2])
    inside = np.array([False, True, True, True, False, True])
    found = held(Variable("a"), width, error, inside, TRUE)
    assert found["coverage"]["mean"] == pytest.approx(4 / 6) and found["by_tercile"] == [0.5, 1.0, 0.5]
    assert found["widths"] == pytest.approx([0.15, 1.05, 2.5]) and found["rank"] > 0.5
    known = np.arange(6) < 3
    assert held(Variable("a"), width, error, inside, known)["coverage"]["count"] == 3
    assert held(Variable("a"), np.ones(6), error, inside, TRUE)["rank"] is None


def test_a_class_is_held_if_it_is_right():
    var = Variable("c", kind="categorical", classes=3)
    found = held(var, np.full(6, 0.25), np.array([0, 0, 2.0, 0, 0, 1]), np.zeros(6, bool), TRUE)
    assert found["coverage"]["mean"] == pytest.approx(4 / 6) and found["sure"] == pytest.approx(0.75)


class Drawing(stripes.OfTheTruth):
    """Reads and acts as the world does, but for normal errors of one millimetre, which its draws know of."""

    uncertainty = types.SimpleNamespace(num_members=0)

    def predict(self, images, do, context=None, draws=None, seed=0):
        rng = np.random.default_rng(seed)
        told = super().predict(images, do) + rng.normal(size=(len(images), 3))
        return Believed(told, spread_of(told + rng.normal(size=(draws, *told.shape)), told, self.graph))


def test_a_model_that_knows_its_errors_holds_nine_in_ten(tmp_path):
    dataset = stripes.world()
    found = measure_uncertainty(Bench(dataset, Drawing(), dataset.test, tmp_path))
    assert set(found["factual"]) == {"a", "b", "c"} and set(found["do"]) == {"do(a)"}
    assert set(found["do"]["do(a)"]) == {"b"} and found["all"] == found["do"]["do(a)"]["b"]
    shares = [one["coverage"]["mean"] for one in found["factual"].values()]
    assert np.mean(shares) == pytest.approx(0.9, abs=0.08)
    text = "\n".join(_uncertainty({"uncertainty": found}))
    assert "| do(a): *b* |" in text and "| **all descendants** |" in text and UNKNOWN not in text


def test_where_no_truth_is_known_the_report_says_so(tmp_path):
    dataset = dataclasses.replace(stripes.world(), true_counterfactual=None)
    found = measure_uncertainty(Bench(dataset, Drawing(), dataset.test, tmp_path))
    assert found["do"] == {} and "all" not in found
    assert _uncertainty({"uncertainty": found})[-1] == UNKNOWN
    assert _uncertainty({}) == []


def test_effects_of_one_image_are_no_more_images(tmp_path, monkeypatch):
    """Two copies of one effect tell as much as one: the interval is over images."""
    cells = stripes.world()
    held_alike = {"b": np.arange(200) % 5 > 0}

    def row(told, spread, true, sd, i):
        return np.ones(200), np.zeros(200), held_alike["b"], np.ones(200, bool)

    monkeypatch.setattr(coverage, "_row", row)
    once = measure_uncertainty(Bench(cells, Drawing(), cells.test, tmp_path))["all"]["coverage"]
    graph = CausalGraph((Variable("a"), Variable("b", ("a",)), Variable("c", ("a",))))
    monkeypatch.setattr(Drawing, "graph", graph)
    both = measure_uncertainty(Bench(dataclasses.replace(cells, graph=graph), Drawing(), cells.test, tmp_path))["all"]
    assert both["coverage"] == once and once["mean"] == pytest.approx(0.8)
