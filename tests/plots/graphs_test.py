"""Pictures of graphs: where the curves of an edge stand, and what is marked as set and cut."""

import numpy as np
import pytest
import stripes
from matplotlib.figure import Figure

from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.plots.graphs import graph_of_values, graph_with_curves


def test_every_edge_has_its_curves_where_its_cause_meets_its_effect(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    x = np.arange(3.0)
    edges = {("a", "b"): (x, [(x, "-", "model"), (2 * x, "--", "true")]), ("b", "c"): (x, [(-x, "-", "model")])}
    graph_with_curves(tmp_path / "x.png", {"a": "a, mm", "b": "b", "c": "c"}, edges, "title")
    axes = np.array(drawn[0].axes).reshape(3, 3)
    assert [[len(axis.lines) for axis in row] for row in axes] == [[0, 2, 0], [0, 0, 1], [0, 0, 0]]
    np.testing.assert_array_equal(axes[0, 1].lines[1].get_ydata(), 2 * x)
    boxes = [[text.get_text() for text in axes[i, i].texts if text.get_text()] for i in range(3)]
    assert boxes == [["a\nmm"], ["b"], ["c"]]
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["model", "true"]


def test_the_graph_shows_what_was_set_and_cut():
    before, after = np.array([1.0, 2.0, 3.0]), np.array([1.0, 9.0, 3.0])
    free, cut = (graph_of_values(stripes.GRAPH, before, after, names) for names in (set(), {"b"}))
    assert free.shape == cut.shape and free.shape[-1] == 3
    red = (cut[..., 0] > 180) & (cut[..., 1] < 80)  # the arrow into b
    assert red.sum() > 20 and ((free[..., 0] > 180) & (free[..., 1] < 80)).sum() == 0


def test_values_stand_by_their_variables_causes_above_their_effects(monkeypatch):
    drawn = []
    monkeypatch.setattr("cdae_jax.plots.graphs.rgb_of", drawn.append)
    graph = CausalGraph((Variable("c", ("b",)), Variable("a", unit="mm"), Variable("b", ("a",))))
    graph_of_values(graph, np.array([1.0, 2.0, 3.0]), np.array([1.0, 5.0, 3.0]), {"a"})
    texts = {text.get_text().split("\n")[0]: text for text in drawn[0].axes[0].texts if text.get_text()}
    assert texts["do(a)"].get_text() == "do(a)\n2 \u2192 5 mm" and texts["b"].get_text() == "b\n3"
    heights = [texts[name].get_position()[1] for name in ("do(a)", "b", "c")]
    assert heights == sorted(heights, reverse=True) == pytest.approx([5 / 6, 1 / 2, 1 / 6])
    assert [texts[name].get_fontweight() for name in ("do(a)", "b")] == ["bold", "normal"]
