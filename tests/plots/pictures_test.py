"""Where images and their captions stand, and what plots of numbers show."""

import importlib
import itertools

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from cdae_jax.data.dataset import Split
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.plots import pictures


@pytest.fixture
def drawn(monkeypatch):
    """The figures that would be saved."""
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    return figures


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_stands_at_the_centre_that_its_captions_get(channels):
    rows = [
        np.stack([np.full((7, 5, channels), 10 * i + j, np.uint8) for j in range(num)]) for i, num in ((1, 3), (2, 2))
    ]
    axis = Figure().subplots()
    x, y = pictures.show_tiled(axis, rows, gap=0.25)
    (shown,) = axis.get_images()
    sheet = np.asarray(shown.get_array()).reshape(*shown.get_array().shape[:2], channels)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            top, left = int(y[i] - 3), int(x[j] - 2)
            np.testing.assert_array_equal(sheet[top : top + 7, left : left + 5], image)
    assert (sheet[int(y[1]) - 3 : int(y[1]) + 4, int(x[2]) - 2 : int(x[2]) + 3] == 255).all()  # the row that is shorter
    assert np.count_nonzero((sheet != 255).any(-1)) == 5 * 7 * 5  # nothing else is painted


def test_long_names_above_images_do_not_run_into_each_other(tmp_path, drawn):
    images = np.zeros((3, 28, 28, 1), np.uint8)
    names = ["factual", "label-conditional with corrections", "label-conditional without corrections"]
    pictures.image_table(tmp_path / "x.png", [("do(a = 1)", images, names)] * 2, "title")
    (figure,) = drawn
    figure.canvas.draw()
    size = images.shape[1]  # neither does a name reach into the image above it
    to_pixels = figure.axes[0].transData.transform
    above = [to_pixels((x, y + size / 2))[1] for x, y in [(0, figure.axes[0].get_yticks()[0])]]
    assert all(text.get_window_extent().y1 < above[0] for text in figure.axes[0].texts[3:])
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 6 and not any(one.overlaps(other) for one, other in itertools.pairwise(boxes))


@pytest.mark.parametrize("caption", ["size\n4.66 to 6.59", "warmth 0.0007753 to 0.9375\nfarther than 46 %"])
def test_columns_are_as_wide_as_their_captions(tmp_path, drawn, caption):
    images = np.zeros((8, 32, 32, 3), np.uint8)
    pictures.image_grid(tmp_path / "x.png", [("factual", images)] * 3, [caption] * 8, "title")
    (figure,) = drawn
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert len(boxes) == 8 and not any(one.overlaps(other) for one, other in itertools.pairwise(boxes))


def test_the_difference_is_grey_where_nothing_changed():
    a = np.array([10, 200, 0], np.uint8)
    np.testing.assert_array_equal(pictures.signed_difference(a, a), 128)
    assert pictures.signed_difference(a, np.zeros(3, np.uint8))[1] == 228
    assert pictures.signed_difference(np.zeros(3, np.uint8), a)[1] == 28


def test_a_counterfactual_grid_ends_with_the_difference_to_the_factual(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(pictures, "image_grid", lambda *arguments: given.extend(arguments))
    factual, made = (np.full((2, 4, 4, 1), level, np.uint8) for level in (100, 120))
    rows = [("factual", factual), ("counterfactual", made), ("true", factual)]
    pictures.counterfactual_grid(tmp_path / "x.png", rows, ["a", "b"], "title")
    assert given[1][:3] == rows and given[1][3][0] == "difference to factual" and (given[1][3][1] == 138).all()


def test_a_grid_shows_as_many_columns_as_it_has_captions(tmp_path, drawn):
    rows = [("factual", np.zeros((9, 4, 4, 1), np.uint8)), ("made anew", np.zeros((9, 4, 4, 1), np.uint8))]
    pictures.image_grid(tmp_path / "x.png", rows, ["one", "two"], "title")
    axis = drawn[0].axes[0]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["one", "two"]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["factual", "made\nanew"]
    assert axis.get_images()[0].get_array().shape == (2 * 5, 2 * 5)


def test_a_contact_sheet_draws_any_number_of_images_and_says_what_is_unlabelled(tmp_path, drawn):
    labels = np.stack([2 * np.arange(11.0), 1 + 2 * np.arange(11), np.arange(11) % 2, 1_748_229_500 + np.arange(11)], 1)
    labels[3, 1] = np.nan
    graph = CausalGraph(
        (Variable("a"), Variable("b"), Variable("c", kind="binary", values=("cat", "dog")), Variable("time"))
    )
    pictures.contact_sheet(tmp_path / "x.png", Split(np.zeros((11, 8, 8, 1), np.uint8), labels), graph, "title")
    titles = [axis.get_title() for axis in drawn[0].axes]
    assert len(titles) == 16 and [bool(axis.get_images()) for axis in drawn[0].axes] == [True] * 11 + [False] * 5
    assert titles[0] == "a 0\nb 1\nc cat\ntime 1748229500"
    assert titles[3] == "a 6\nb unlabelled\nc dog\ntime 1748229503"


def test_what_is_asked_and_read_stands_about_the_diagonal(tmp_path, drawn):
    asked, read = np.array([1.0, 2.0, 3.0]), np.array([1.5, np.nan, 4.0])
    pictures.asked_and_read(tmp_path / "x.png", asked, read, "a", "mm")
    (axis,) = drawn[0].axes
    np.testing.assert_array_equal(axis.lines[0].get_xydata(), [[1, 1], [4, 4]])
    points = axis.collections[0].get_offsets()
    np.testing.assert_array_equal(points[[0, 2]], [[1, 1.5], [3, 4]])
    assert np.ma.is_masked(points[1])
    assert axis.get_xlabel() == "a asked for, mm" and axis.get_title() == "do(a)"


def test_importances_are_written_into_their_cells(tmp_path, drawn):
    pictures.importance_matrix(tmp_path / "x.png", np.array([[0.9, 0.25], [0.1, 0.75]]), ("a", "b"))
    cells = {text.get_position(): (text.get_text(), text.get_color()) for text in drawn[0].axes[0].texts}
    assert cells[0, 0] == ("0.90", "white") and cells[1, 0] == ("0.25", "black")  # (column, row)


def test_every_panel_of_curves_has_its_lines_and_names(tmp_path, drawn):
    x = np.arange(4.0)
    panels = [{"x": x, "x_label": "w", "y_label": f"do({i})", "lines": [(x * i, "o-", "error")]} for i in range(4)]
    pictures.curves(tmp_path / "x.png", panels, "title")
    axes = drawn[0].axes
    assert len(axes) == 6 and [len(axis.lines) for axis in axes] == [1] * 4 + [0] * 2
    assert axes[3].get_ylabel() == "do(3)" and not axes[4].axison
    np.testing.assert_array_equal(axes[3].lines[0].get_ydata(), 3 * x)


def test_seeds_stand_in_a_band_from_the_lowest_to_the_highest(tmp_path, drawn):
    pictures.seed_bands(tmp_path / "x.png", {"ours": [0.2, 0.1, 0.3], "theirs": [0.5]})
    band, points, *_ = drawn[0].axes[0].lines
    np.testing.assert_array_equal(band.get_xdata(), [0.1, 0.3])
    np.testing.assert_array_equal(points.get_xdata(), [0.2, 0.1, 0.3])
    assert [text.get_text() for text in drawn[0].axes[0].get_yticklabels()] == ["ours", "theirs"]


@pytest.mark.parametrize(("largest", "scale"), [(19.0, "linear"), (20.0, "log")])
def test_a_sweep_over_a_wide_range_is_drawn_on_a_logarithmic_scale(largest, scale, tmp_path, drawn):
    points = {largest: [0.3, 0.5], 1.0: [0.1, 0.2]}
    pictures.sweep_lines(tmp_path / "x.png", {"error": {"ours": points}}, "rate")
    (axis,) = drawn[0].axes
    np.testing.assert_allclose(axis.lines[0].get_xydata(), [[1, 0.15], [largest, 0.4]])
    assert axis.get_xscale() == scale and axis.get_xlabel() == "rate"


def test_points_of_a_frontier_are_filled_if_they_are_best_and_circled_if_chosen(tmp_path, drawn):
    rows = [
        {"solver": solver, "psnr": 30.0 + i, "cells": 0.1 + i, "evaluations": 10 * (i + 1)}
        for i, solver in enumerate(("ddim", "dpm_solver", "ddim"))
    ]
    pictures.scatter_frontier(tmp_path / "x.png", rows, [True, True, False], rows[1], "title")
    ddim, solver, chosen = drawn[0].axes[0].collections
    np.testing.assert_array_equal(ddim.get_offsets(), [[30, 0.1], [32, 2.1]])
    assert [tuple(face) for face in ddim.get_facecolors()] == [to_rgba("C0"), (0, 0, 0, 0)]
    assert (solver.get_offsets() == chosen.get_offsets()).all() and len(chosen.get_facecolors()) == 0
    assert [text.get_text() for text in drawn[0].axes[1].get_legend().get_texts()] == ["ddim", "dpm_solver", "chosen"]


def test_drawing_leaves_the_backend_of_a_notebook_alone():
    before = matplotlib.get_backend()
    try:
        matplotlib.use("svg")
        importlib.reload(pictures)
        assert matplotlib.get_backend() == "svg"
    finally:
        matplotlib.use(before)


def test_a_deviation_is_white_where_there_is_none_and_black_where_it_is_largest():
    sd = np.zeros((2, 3, 3, 3), np.float32)
    sd[1, 0, 0], sd[0, 1, 1] = 40, [20, 20, 20]
    name, row = pictures.deviation_row(sd)
    assert name == "deviation 0..40 of 255" and row.dtype == np.uint8 and row.shape == sd.shape
    assert (row[1, 0, 0] == 0).all() and (row[0, 1, 1] == 128).all() and (row[0, 0] == 255).all()
    assert (pictures.deviation_row(np.zeros_like(sd))[1] == 255).all()
