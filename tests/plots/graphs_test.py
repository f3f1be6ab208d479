"""Pictures of graphs: where the curves of an edge stand, and what is marked as set and cut."""

import numpy as np
import pytest
import stripes
from matplotlib.figure import Figure

from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.plots.graphs import draw_graph, graph_of_values, graph_with_curves


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


def test_a_drawn_graph_has_every_name_and_an_arrow_for_every_edge(tmp_path, monkeypatch):
    drawn = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **kwargs: drawn.append(figure))
    long = "the number of cups/day, as the patients of the second ward told it"
    graph = CausalGraph((Variable("größe $m^2$", unit="mm"), Variable(long, ("größe $m^2$",)), Variable("b", (long,))))
    draw_graph(tmp_path / "graph.png", graph)
    (axis,) = drawn[0].axes
    arrows = [text for text in axis.texts if getattr(text, "arrow_patch", None)]
    boxes = [text for text in axis.texts if text.get_bbox_patch()]
    assert [" ".join(text.get_text().split("\n")) for text in boxes] == ["größe $m^2$ mm", long, "b"]
    assert len(arrows) == 2 and drawn[0].get_window_extent().width < 600
    save(drawn[0], tmp_path / "graph.png")
    sizes = [text.get_window_extent() for text in boxes]
    assert not any(one.overlaps(other) for i, one in enumerate(sizes) for other in sizes[i + 1 :])
    assert all(drawn[0].get_window_extent().contains(*corner) for box in sizes for corner in box.get_points())


def test_an_edge_over_a_level_bends_around_what_stands_between(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **kwargs: drawn.append(figure))
    variables = (Variable("a"), Variable("left", ("a",)), Variable("b", ("a",)), Variable("c", ("a", "b")))
    chain = (Variable("a"), Variable("b", ("a",)), Variable("c", ("b",)), Variable("d", ("a", "c")))
    for graph in (CausalGraph(variables), CausalGraph(chain)):
        draw_graph(tmp_path / "graph.png", graph)
        (axis,) = drawn.pop().axes
        boxes = [text.get_bbox_patch() for text in axis.texts if text.get_bbox_patch()]
        arrows = [text.arrow_patch for text in axis.texts if getattr(text, "arrow_patch", None)]
        assert len(arrows) == sum(len(var.parents) for var in graph.variables)
        for arrow in arrows:
            ends = arrow.patchA, arrow.patchB
            line = arrow.get_transform().transform(arrow.get_path().vertices)
            others = [patch.get_window_extent() for patch in boxes if patch not in ends]
            assert not any(box.contains(*point) for box in others for point in line)


def test_a_graph_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(InputError, match=r"graph.png cannot be written \(No such file"):
        draw_graph(tmp_path / "absent" / "graph.png", stripes.GRAPH)
