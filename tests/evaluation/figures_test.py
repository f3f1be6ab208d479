"""Figures of an evaluation: what they are given to draw."""

import dataclasses

import numpy as np
import pytest
import stripes
from networks import small_trained

from cdae_jax.data import pendulum
from cdae_jax.evaluation import figures
from cdae_jax.evaluation.bench import Bench
from cdae_jax.evaluation.interventions import measure_do
from cdae_jax.graph import CausalGraph, Variable


@pytest.fixture
def drawn(monkeypatch):
    """What the drawing functions are called with, by their names."""
    calls = {}
    for name in ("counterfactual_grid", "asked_and_read", "image_table", "graph_with_curves"):
        monkeypatch.setattr(figures, name, lambda path, *given, name=name: calls.update({name: (path.name, *given)}))
    return calls


def test_an_intervention_is_drawn_on_the_first_images_with_what_was_and_is(drawn, tmp_path):
    bench = stripes.bench_of(stripes.OfTheTruth, tmp_path)
    found = measure_do(bench, "a")
    bench.test.labels[1, 0] = np.nan
    figures.draw_do(bench, "a", found)
    file, rows, captions, title = drawn["counterfactual_grid"]
    assert (file, title) == ("do_a.png", "stripes: do(a), mm")
    assert [name for name, _ in rows] == ["factual", "counterfactual", "true counterfactual"]
    assert all(len(images) == len(captions) == figures.GRID_COLUMNS for _, images in rows)
    np.testing.assert_array_equal(rows[0][1], bench.test.images[: figures.GRID_COLUMNS])
    np.testing.assert_array_equal(rows[1][1], found.images[: figures.GRID_COLUMNS])
    assert captions[0] == f"a\n{bench.test.labels[0, 0]:.3g} to {found.values[0]:.3g}"
    assert captions[1].startswith("a\nunlabelled to ")
    file, asked, read, *_ = drawn["asked_and_read"]
    assert file == "asked_a.png" and len(asked) == 40
    np.testing.assert_array_equal(asked, read)  # of a model that does what is asked


def test_one_image_is_taken_across_the_range_of_every_variable(drawn, tmp_path):
    bench = stripes.bench_of(stripes.OfTheTruth, tmp_path)
    assert figures.draw_traversals(bench) == drawn["image_table"][0] == "traversals.png"
    rows = drawn["image_table"][1]
    assert [name for name, _, _ in rows] == ["do(a, mm)", "do(b)", "do(c)"]
    for column, (_, images, texts) in enumerate(rows):
        np.testing.assert_array_equal(images[0], bench.test.images[0])
        read = stripes.measure(images[1:])[:, column]
        assert len(images) == len(texts) == 1 + figures.NUM_VALUES and (np.diff(read) > 0).all()
        low, high = np.percentile(bench.test.labels[:, column], [2, 98])
        np.testing.assert_allclose([read[0], read[-1]], [low, high], atol=0.5)


def test_some_images_are_shown_under_a_low_and_a_high_value_of_every_variable(monkeypatch, tmp_path):
    bench, calls = stripes.bench_of(stripes.OfTheTruth, tmp_path), {}
    monkeypatch.setattr(figures, "image_grid", lambda path, *given: calls.update({path.name: given}))
    bench.test.labels[1, 0] = np.nan
    paths = figures.draw_low_and_high(bench)
    assert [path.name for path in paths] == list(calls) == [f"low_and_high_{name}.png" for name in "abc"]
    for column, (rows, captions, _) in enumerate(calls.values()):
        (name, factual), (_, low), (_, high) = rows
        assert name == "factual" and len(captions) == len(factual) == figures.GRID_COLUMNS
        expected = np.nanpercentile(bench.test.labels[:, column], [2, 98])
        np.testing.assert_allclose(stripes.measure(low)[:, column], expected[0], atol=0.5)
        np.testing.assert_allclose(stripes.measure(high)[:, column], expected[1], atol=0.5)
    assert calls["low_and_high_a.png"][1][1] == "unlabelled"
    assert calls["low_and_high_a.png"][2] == "stripes: do(a), mm"


def test_the_graph_is_drawn_with_every_edges_curves(drawn, tmp_path):
    bench = stripes.bench_of(stripes.OfTheTruth, tmp_path)
    assert figures.draw_mechanisms(bench) == "mechanisms.png"
    _, nodes, edges, _ = drawn["graph_with_curves"]
    assert nodes == {"a": "a, mm", "c": "c", "b": "b"}  # causes first
    assert edges.keys() == {("a", "b")}
    values, ((believed, *_), (true, *_)) = edges["a", "b"]
    a, b, _ = bench.test.labels[0]
    np.testing.assert_allclose(true, b - a + values, rtol=1e-6)
    np.testing.assert_array_equal(believed, true)


def test_where_nobody_knows_the_mechanisms_only_the_models_are_drawn(drawn, tmp_path):
    data = stripes.world(true_counterfactual=None, render=None)
    bench = stripes.bench_of(stripes.Idle, tmp_path, dataset=data)
    figures.draw_mechanisms(bench)
    (lines,) = [lines for _, lines in drawn["graph_with_curves"][2].values()]
    assert [label for _, _, label in lines] == ["model"] and np.ptp(lines[0][0]) == 0
    figures.draw_do(bench, "a", measure_do(bench, "a"))
    assert [name for name, _ in drawn["counterfactual_grid"][1]] == ["factual", "counterfactual"]


def test_names_with_slashes_become_names_of_files(drawn, tmp_path):
    bench = stripes.bench_of(stripes.OfTheTruth, tmp_path)
    found = measure_do(bench, "a")
    first, *others = bench.dataset.graph.variables[:1] + bench.dataset.graph.variables[2:]
    graph = CausalGraph((dataclasses.replace(first, name="width/height"), Variable("b"), *others))
    figures.draw_do(
        dataclasses.replace(bench, dataset=dataclasses.replace(bench.dataset, graph=graph)), "width/height", found
    )
    assert drawn["counterfactual_grid"][0] == "do_width=2Fheight.png"
    assert drawn["asked_and_read"][0] == "asked_width=2Fheight.png"


def test_mechanisms_are_drawn_over_the_training_labels(monkeypatch, tmp_path):
    """Of labels that were set by hand nothing is shown, nor of those that are unknown."""
    calls, model, data = [], small_trained(), pendulum.make_dataset("continuous", 16, 60, 8, 0)
    was_set = np.zeros((60, 4), bool)
    was_set[:20, 2] = True
    labels = data.train.labels.copy()
    labels[20:30, 0] = np.nan
    data = dataclasses.replace(data, train=dataclasses.replace(data.train, labels=labels, intervened=was_set))
    monkeypatch.setattr(figures, "mechanism_fits", lambda path, *given: calls.append((path.name, *given)))
    assert figures.draw_fits(Bench(data, model, data.test, tmp_path)) == "mechanism_fits.png"
    ((name, effects, _),) = calls
    assert name == "mechanism_fits.png" and list(effects) == ["length", "position"]
    length, position = effects.values()
    assert (len(length.labels), len(position.labels)) == (30, 50) and list(length.causes) == [
        "angle, deg",
        "light, deg",
    ]
    np.testing.assert_allclose(np.sort(length.labels), np.sort(labels[30:, 2]), rtol=1e-4)
    assert (length.kind, length.unit) == ("scaled", "units") and length.u.shape == length.drawn.shape == (30,)
