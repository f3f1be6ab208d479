"""All labels by strength: of a model of the truth, of one that does nothing, and of one that also moves the others."""

import dataclasses

import numpy as np
import pytest
import stripes

from cdae_jax.evaluation.strength import STRENGTHS, measure_strength, told
from cdae_jax.graph import CausalGraph, Variable


class MovesC(stripes.OfTheTruth):
    """Lightens c, of which no other variable knows, by five whatever is set."""

    def predict(self, images, do, labels=None):
        return super().predict(images, do, labels) + np.float32([0, 0, 5 if do and "c" not in do else 0])


def test_a_model_of_the_truth_is_right_at_every_strength_and_moves_no_other(tmp_path):
    bench = stripes.bench_of(stripes.OfTheTruth, tmp_path)
    found = measure_strength(bench)
    assert found["count"] == 40 and list(found["do"]) == ["do(a)", "do(b)", "do(c)"]
    for name in "abc":
        assert found["null"]["error"][name]["mean"] == found["null"]["moved"][name]["mean"] == 0
    values, _ = bench.draw_values(0)
    gap = np.abs(values - bench.test.labels[:, 0])
    for w in STRENGTHS:
        errors, moved = (found["do"]["do(a)"][f"{w:g}"][what] for what in ("error", "moved"))
        assert all(errors[name]["mean"] < 0.5 / bench.sd.min() for name in "abc")  # grey levels are whole numbers
        assert moved["a"]["mean"] == pytest.approx((w * gap / bench.sd[0]).mean(), abs=0.5 / bench.sd[0])
        assert moved["b"]["mean"] > 0 and moved["c"]["mean"] == 0


def test_what_was_not_asked_for_shows_and_so_does_what_was_not_done(tmp_path):
    bench = stripes.bench_of(MovesC, tmp_path)
    for w, step in measure_strength(bench)["do"]["do(b)"].items():
        assert step["moved"]["c"]["mean"] == step["error"]["c"]["mean"] == pytest.approx(5 / bench.sd[2]), w
    idle = measure_strength(stripes.bench_of(stripes.Idle, tmp_path))["do"]["do(a)"]
    errors = [idle[f"{w:g}"]["error"]["a"]["mean"] for w in STRENGTHS]
    assert errors == pytest.approx([w * errors[-1] for w in STRENGTHS]) and errors[-1] > 0.5
    assert idle["1"]["moved"]["a"]["mean"] == 0


def test_errors_of_reading_cancel_against_the_reconstruction(tmp_path):
    bench = stripes.bench_of(stripes.OfTheTruth, tmp_path)
    bench.test.labels[:, 2] += 3
    step = measure_strength(bench)["do"]["do(a)"]["1"]
    assert step["error"]["c"]["mean"] == pytest.approx(3 / bench.sd[2]) and step["moved"]["c"]["mean"] == 0


def test_half_of_the_way_to_a_class_has_no_truth(tmp_path):
    graph = CausalGraph((Variable("a", kind="binary"), Variable("b", ("a",)), Variable("c")))
    world = stripes.world(true_counterfactual=None)
    labels = world.test.labels.copy()
    labels[:, 0] = labels[:, 0] > 70
    split = dataclasses.replace(world.test, images=stripes.render(labels), labels=labels)
    world = dataclasses.replace(world, graph=graph, train=split, test=split)

    class Model(stripes.OfTheTruth):
        def counterfactual(self, images, do, strength=1.0, **_):
            labels = self.encode(images)
            for name, values in do.items():  # classes by their words, which are 0 and 1
                way = strength * (np.array(values, np.float32) - labels[:, graph.index(name)])
                labels[:, graph.index(name)] += way
            return stripes.Counterfactuals(stripes.render(labels), labels)

    Model.graph = graph
    found = measure_strength(stripes.bench_of(Model, tmp_path, dataset=world))
    half, whole = (found["do"]["do(a)"][w] for w in ("0.5", "1"))
    assert np.isnan(half["error"]["a"]["mean"]) and whole["error"]["a"]["mean"] == 0
    assert np.isnan(whole["error"]["b"]["mean"]) and half["error"]["c"]["mean"] == 0
    assert 0 < whole["moved"]["a"]["mean"] < 1


def test_a_context_that_changes_shows_too(tmp_path):
    world = stripes.world()
    test = dataclasses.replace(world.test, context=(np.arange(len(world.test)) % 4 == 0).astype(np.int32))
    world = dataclasses.replace(world, test=test, train=test, num_classes=2)
    found = measure_strength(stripes.bench_of(stripes.OfTheTruth, tmp_path, dataset=world))  # the judge reads class 0
    assert found["null"]["error"]["context"]["mean"] == 0.25 and found["null"]["moved"]["context"]["mean"] == 0
    assert found["do"]["do(a)"]["1"]["error"]["context"]["mean"] == 0.25
    assert told(found, stripes.GRAPH)[1] == ["", "strength", "a", "b", "c", "context"]


def test_the_table_marks_what_was_set_and_what_follows(tmp_path):
    found = measure_strength(stripes.bench_of(MovesC, tmp_path))
    found["do"]["do(a)"]["1"]["error"]["b"]["mean"] = None
    lines, header, rows = told(found, stripes.GRAPH)
    assert "40 images" in lines[0] and header == ["", "strength", "a", "b", "c"]
    assert rows[0][:3] == ["null edit", "", "0.000 [0.000]"] and len(rows) == 1 + 3 * len(STRENGTHS)
    last = next(row for row in rows if row[:2] == ["do(a)", "1"])
    assert last[2].startswith("**0.000** [") and last[3].startswith("*-* [") and last[4].startswith("0.")
