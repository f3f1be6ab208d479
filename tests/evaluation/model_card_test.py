"""The model card: variables, units, limits, and numbers if there are some."""

import types

import pytest
import stripes
from short_runs import settings_with

from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.evaluation.model_card import model_card
from cdae_jax.inference.checks import TrainedVariable


@pytest.fixture
def model():
    variables = tuple(TrainedVariable(var.name, var.unit, 0.0, 9.5) for var in stripes.GRAPH.variables)
    return types.SimpleNamespace(
        uncertainty=None,
        image_shape=(18, 18, 1),
        graph=stripes.GRAPH,
        variables=variables,
        settings=settings_with(),
        step=20,
        options=lambda: Sampling(num_steps=7),
    )


def test_the_card_names_variables_units_and_limits(model):
    card = model_card(model, "Stripes", None)
    assert "| a | - | mm | 0 to 9.5 |" in card and "| b | a | - | 0 to 9.5 |" in card
    assert "Not evaluated." in card and "The graph is an assumption" in card
    assert "Decoded by default with num_steps 7" in card and "data_dir" not in card
    assert "Images are 18 x 18 x 1, uint8." in card and "20 steps of 16 images, seed 0." in card


def test_the_card_shows_errors_with_intervals_and_what_is_unknown(model):
    error = {"normalised": 0.123, "interval": [0.1, 0.2]}
    unknown = {"normalised": None, "interval": [None, None]}
    metrics = {
        "protocol": {"reader": "direct measurement", "num_images": 99},
        "effectiveness": {"do(a)": {"a": error, "b": unknown, "c": error, "mean_of_others": {}}},
        "composition": {"psnr": 31.42},
    }
    card = model_card(model, "Stripes", metrics)
    assert "| do(a) | 0.123 (0.100..0.200) | unknown | 0.123 (0.100..0.200) |" in card
    assert "over 99 images" in card and "at 31.4 dB" in card and "Not evaluated" not in card


def test_the_card_says_how_often_intervals_hold_and_what_cannot_be_checked(model, monkeypatch):
    one = {"coverage": {"mean": 0.912}, "width": 0.2, "rank": None}
    sure = {"draws": 64, "factual": {"a": one, "c": one | {"sure": 0.9}}}
    metrics = {"protocol": {}, "uncertainty": sure}
    assert model.uncertainty is None  # measured once, but these weights come without intervals
    card = model_card(model, "Stripes", metrics)
    assert "gives no intervals" in card and "91.2%" not in card
    monkeypatch.setattr(model, "uncertainty", object())
    card = model_card(model, "Stripes", metrics)
    assert "| factual a | 91.2% | 0.200 | - |" in card and "factual c" not in card and "cannot be checked" in card
    card = model_card(model, "Stripes", {"protocol": {}, "uncertainty": sure | {"all": one}})
    assert "| descendants under do() | 91.2% |" in card and "cannot be checked" not in card
    assert "were not measured" in model_card(model, "Stripes", None)
