"""Response curves: by hand, and of a model that goes all of the way."""

import json

import numpy as np
import pytest
import stripes

from cdae_jax.errors import InputError
from cdae_jax.studies import response
from cdae_jax.studies.response import met_at, response_curves, share_of_the_way


def test_the_share_of_the_way_by_hand():
    factual, asked = np.array([0.0, 1.0, 5.0]), np.array([2.0, 3.0, 1.0])
    assert share_of_the_way(factual, factual, asked) == 0
    assert share_of_the_way(asked, factual, asked) == 1
    assert share_of_the_way(factual + 0.25 * (asked - factual), factual, asked) == pytest.approx(0.25)
    assert share_of_the_way(factual - (asked - factual), factual, asked) == -1


def test_where_the_target_is_met():
    w = np.array([0.0, 1.0, 2.0])
    assert met_at(w, np.array([0.0, 0.8, 1.2])) == pytest.approx(1.5)
    assert met_at(w, np.array([1.0, 1.1, 1.2])) == 0
    assert met_at(w, np.array([0.0, 0.5, 0.9])) is None


@pytest.fixture
def of_stripes(monkeypatch):
    """The curves are those of a model of stripes."""
    monkeypatch.setattr(response, "load", lambda _: stripes.OfTheTruth())
    monkeypatch.setattr(response, "dataset_of", lambda *_: stripes.world())


def test_a_model_of_the_truth_goes_as_far_as_it_is_told(of_stripes, tmp_path):
    found = response_curves(tmp_path, "strength", [0.0, 0.5, 1.0], num_images=40)
    curve = found["do(c)"]
    assert curve["w"] == [0, 0.5, 1] and curve["share"] == pytest.approx([0, 0.5, 1], abs=0.02)
    assert curve["error"][2] == 0 and curve["error"][0] == pytest.approx(2 * curve["error"][1], rel=0.02)
    assert curve["non_descendants"] == [0, 0, 0] and curve["spearman"] == pytest.approx(1)
    assert curve["met_at"] == pytest.approx(1) and curve["steepest"] == pytest.approx(1, abs=0.05)
    labels = stripes.world().test.labels
    gaps = np.abs(labels[:40, 2][:, None] - labels[:40, 2][None])  # the same values are asked for, in another order
    assert curve["chance"] == pytest.approx(gaps.mean() / labels[:, 2].std(), rel=1e-4)
    assert json.loads((tmp_path / "strength.json").read_text()) == {"num_images": 40, "curves": found}
    assert "| do(c) | 1 | 1.000 | 0.000 | 0.000 |" in (tmp_path / "strength.md").read_text()
    drawn = {path.name for path in tmp_path.glob("*.png")}
    assert drawn == {"strength.png", "strength_a.png", "strength_b.png", "strength_c.png"}


@pytest.mark.parametrize(
    ("knob", "grid", "message"),
    [
        ("num_steps", [0, 5], "num_steps is 0: expected a whole number from 1"),
        ("strength", [1.0, 0.5], "increasing from 0"),
        ("strength", [0.5, 1.5], "the largest strength is 1.5: expected at most 1"),
        ("temperature", [0.0, 1.0], "expected one of strength, guidance, num_steps, depth"),
    ],
)
def test_grids_that_cannot_be_followed_are_refused(of_stripes, tmp_path, knob, grid, message):
    with pytest.raises(InputError, match=message):
        response_curves(tmp_path, knob, grid, num_images=8)
    assert not list(tmp_path.iterdir())


def test_images_without_the_label_are_left_out():
    factual, asked = np.array([0.0, np.nan, 4.0]), np.array([2.0, 3.0, 0.0])
    assert share_of_the_way(np.array([1.0, 9.0, 2.0]), factual, asked) == pytest.approx(0.5)
