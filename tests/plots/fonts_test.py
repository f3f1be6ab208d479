"""Texts of figures in any script: fonts are found, letters without one are told once, and a $ is no formula."""

import warnings

import numpy as np
import pytest
from matplotlib import font_manager

from cdae_jax.data.dataset import Split
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.plots import fonts, pictures
from cdae_jax.plots.graphs import rgb_of


@pytest.fixture(autouse=True)
def afresh():
    fonts.families_for.cache_clear()
    fonts._warn_of.cache_clear()


def test_letters_of_every_figure_that_no_font_has_are_told_once(tmp_path, monkeypatch):
    latin = [font for font in font_manager.fontManager.ttflist if font.name == "DejaVu Sans"]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", latin)
    split = Split(np.zeros((4, 8, 8, 1), np.uint8), np.zeros((4, 2)))
    graph = CausalGraph((Variable("大小"), Variable("größe")))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            pictures.contact_sheet(tmp_path / "sheet.png", split, graph, "title")
    (told,) = [str(warning.message) for warning in caught]
    assert told.startswith("no installed font has the letters 大小, which figures show as boxes")


def test_a_font_that_has_the_letters_is_taken():
    """STIX, which comes with Matplotlib, has letters that DejaVu lacks."""
    usual = font_manager.findfont("DejaVu Sans")
    for font in font_manager.fontManager.ttflist:
        only = (
            set()
            if font.name.startswith(("Last", "DejaVu"))
            else fonts._letters_of(font.fname) - fonts._letters_of(usual)
        )
        if only:
            families, missing = fonts.families_for(frozenset(map(chr, only)))
            assert not missing and families[0] == "DejaVu Sans" and len(families) > 1
            return
    pytest.skip("no font here has a letter that DejaVu Sans lacks")


def test_a_name_with_dollars_is_drawn_as_it_is():
    drawn = []
    for name in ("$x_{$", "x"):
        figure = fonts.Figure(figsize=(2, 1))
        figure.text(0.1, 0.5, f"{name} and $\\oops$")
        drawn.append(rgb_of(figure))
    assert (drawn[0] != drawn[1]).any()


def test_the_numbers_of_a_logarithmic_axis_stay_formulas():
    figure = fonts.Figure(figsize=(3, 1))
    axis = figure.subplots()
    axis.set_yscale("log")
    axis.plot([1, 1000])
    first = rgb_of(figure)
    np.testing.assert_array_equal(rgb_of(figure), first)
