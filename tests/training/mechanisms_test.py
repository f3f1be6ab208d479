"""Mechanisms fitted to labels alone: the laws that each kind can hold, and which one is chosen."""

import numpy as np
import pandas as pd
import pytest
from short_runs import settings_with

from cdae_jax.data import morpho_mnist
from cdae_jax.data.labels import LabelStats
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.inference.loading import load
from cdae_jax.studies.mechanisms import believed
from cdae_jax.training import mechanisms
from cdae_jax.training.loop import train_model
from cdae_jax.training.mechanisms import Scores, choose_mechanisms, fit_to_labels, score

PAIR = CausalGraph((Variable("cause"), Variable("effect", ("cause",))))


def digits(num, rng):
    """Labels [num, 2] by the law of MorphoMNIST, and each one's own noise."""
    thickness, noise = 0.5 + rng.gamma(10, 0.2, num), 0.5 * rng.normal(size=num)
    return np.stack([thickness, intensity(thickness, noise)], 1), noise


def intensity(thickness, noise):
    return 64 + 191 / (1 + np.exp(-(2 * thickness - 5 + noise)))


@pytest.mark.parametrize(("kind", "at_most", "at_least"), [("spline", 1.0, 0), ("affine", 4.0, 1.2)])
def test_a_spline_holds_a_law_that_is_additive_only_in_the_logit(kind, at_most, at_least):
    """Counterfactual intensities of held-out pairs, in grey levels."""
    rng = np.random.default_rng(0)
    (labels, _), (held, noise) = digits(20_000, rng), digits(1_000, rng)
    stats = LabelStats.of(labels, morpho_mnist.GRAPH)
    graph = morpho_mnist.GRAPH.with_mechanisms({"intensity": kind})
    scm, params = fit_to_labels(graph, stats.standardise(labels), hidden=64)
    wanted = rng.permutation(held[:, 0])
    found = believed(scm, params, stats.standardise(held), 0, (wanted - stats.mean[0]) / stats.sd[0])
    off = np.abs(stats.physical(found)[:, 1] - intensity(wanted, noise)).mean()
    assert at_least < off <= at_most


def standardised(cause, effect):
    y = np.stack([cause, effect], 1)
    return ((y - y.mean(0)) / y.std(0)).astype(np.float32)


@pytest.mark.parametrize("kind", ["scaled", "affine", "spline"])
def test_the_simplest_kind_that_fits_is_chosen(kind, monkeypatch):
    rng = np.random.default_rng(1)
    cause, noise = rng.normal(size=6_000), rng.normal(size=6_000)
    effect = {
        "scaled": cause + 0.5 * noise,
        "affine": cause + np.exp(0.8 * cause) * noise,
        "spline": cause + np.where(noise > 0, 3, 0.3) * noise,
    }[kind]
    y = standardised(cause, effect)
    y[::7, 1] = np.nan
    monkeypatch.setattr(mechanisms, "STEPS", 1_000)
    assert score(PAIR, y, hidden=32).chosen == {"effect": kind}


def test_labels_that_were_set_by_hand_say_nothing_of_their_mechanism(monkeypatch, capsys):
    seen = []

    def scores(graph, y, *_):
        seen.append(y)
        return Scores(*(pd.DataFrame([[2.0, 1.0, 0.995]], ["position"], mechanisms.KINDS) * part for part in (1, 0.01)))

    monkeypatch.setattr(mechanisms, "score", scores)
    y, was_set = np.zeros((3, 4), np.float32), np.zeros((3, 4), bool)
    was_set[1, 2] = True
    assert choose_mechanisms(settings_with(), y, was_set) == {"position": "affine"}
    np.testing.assert_array_equal(np.isnan(seen[0]), was_set)
    assert capsys.readouterr().out.splitlines()[-1].split() == ["position", "2.000", "1.000", "0.995", "affine"]


def test_a_run_keeps_what_was_chosen_when_it_started(tmp_path, monkeypatch):
    chosen = {"length": "spline", "position": "scaled"}
    calls = []
    monkeypatch.setattr("cdae_jax.training.loop.choose_mechanisms", lambda *_: calls.append(1) or chosen)
    settings = settings_with(model={"mechanism": "auto"}, data={"data_dir": str(tmp_path / "data")}, train={"steps": 2})
    for _ in range(2):  # the second finds it finished
        train_model(settings, tmp_path / "run")
    model = load(tmp_path / "run")
    assert len(calls) == 1
    assert {var.name: var.mechanism for var in model.graph.variables if var.parents} == chosen
    fitted = model.params["params"]["scm"]
    assert "log_scale" in fitted["mechanisms_position"] and "Dense_4" in fitted["mechanisms_length"]  # the knots
    assert model.predict(model.sample(2).images, {"angle": 3.0}).shape == (2, 4)
