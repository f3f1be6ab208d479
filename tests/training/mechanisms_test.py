"""Mechanisms fitted to labels alone: the laws that each kind can hold, and which one is chosen."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from class_effects import GRAPH as WITH_CLASSES
from class_effects import HEAT, ON, SIZE, STATE, log_p
from short_runs import settings_with

from cdae_jax.data import morpho_mnist
from cdae_jax.data.labels import LabelStats
from cdae_jax.graph import CLASS, CausalGraph, Variable
from cdae_jax.inference.loading import load
from cdae_jax.model.prior import label_codes
from cdae_jax.settings.run import Settings
from cdae_jax.studies.mechanisms import believed
from cdae_jax.training import mechanisms
from cdae_jax.training.loop import train_model
from cdae_jax.training.mechanisms import Scores, choose_mechanisms, class_effects, fit_to_labels, score
from configs.custom import get_config

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


def true_log_p(heat, state):
    """log p(state | heat) [N, 3] and log p(on | state, heat) [N, 2]."""
    for logits in (
        np.stack([0 * heat, 2 * heat, 1 - heat**2], 1),
        np.stack([0 * heat, 1.5 * heat * (state - 1) + 0.5], 1),
    ):
        yield logits - np.log(np.exp(logits).sum(1, keepdims=True))


def labels_with_classes(num, rng):
    """Standardised labels [num, 5] of the graph with classes, by this law."""
    heat, size, alone = rng.normal(size=(3, num))
    state, _ = (drawn_from(log_p, rng) for log_p in true_log_p(heat, 0))
    _, on = (drawn_from(log_p, rng) for log_p in true_log_p(heat, state))
    return np.stack([2 * on - 1, state, heat, size + state, alone], 1).astype(np.float32)


def drawn_from(log_p, rng):
    return (np.exp(log_p).cumsum(1) < rng.random((len(log_p), 1))).sum(1)


def test_odds_of_classes_are_found_again():
    rng = np.random.default_rng(0)
    y = labels_with_classes(20_000, rng)
    y[::5, STATE] = y[1::5, ON] = np.nan
    scm, params = fit_to_labels(WITH_CLASSES, y, hidden=32, steps=1_000)
    held = labels_with_classes(1_000, rng)
    code = label_codes(WITH_CLASSES, scm.block_dim, held)
    for i, true in zip((STATE, ON), true_log_p(held[:, HEAT], held[:, STATE]), strict=True):
        off = 0.5 * np.abs(np.exp(log_p(params["params"], i, code)) - np.exp(true)).sum(1)  # total variation
        assert off.mean() < 0.03


def test_an_effect_that_is_a_class_has_one_kind_and_numbers_all(monkeypatch, capsys):
    monkeypatch.setattr(mechanisms, "STEPS", 200)
    assert class_effects(WITH_CLASSES) == {}
    graph = WITH_CLASSES.with_mechanisms({"on": "", "state": ""})
    assert class_effects(graph) == {"on": CLASS, "state": CLASS}
    assert class_effects(graph.with_mechanisms({"on": "additive"})) == {"state": CLASS}
    kept = [STATE, HEAT, SIZE]
    y = labels_with_classes(2_000, np.random.default_rng(0))[:, kept]
    graph = CausalGraph(tuple(WITH_CLASSES.variables[i] for i in kept))
    chosen = choose_mechanisms(dataclasses.replace(settings_with(), graph=graph), y, np.zeros(y.shape, bool))
    assert chosen["state"] == CLASS and chosen["size"] in mechanisms.KINDS
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()[2:]}
    assert rows["state"][:3] == ["-"] * 3 and rows["state"][4] == CLASS and 0 < float(rows["state"][3]) < np.log(3)
    assert rows["size"][3] == "-"


def test_runs_have_classes_as_effects_unless_they_were_started_without(tmp_path, monkeypatch):
    """A run of an earlier version goes on, and answers, with the mechanisms that it has."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (120, 16, 16), np.uint8)
    np.savez(tmp_path / "images.npz", images=images)
    rows = [f"{i},{i % 7 + i / 200},{'abcde'[i % 5]},{i // 7 % 2}" for i in range(120)]
    (tmp_path / "labels.csv").write_text("\n".join(["index,heat,state,on", *rows]))
    (tmp_path / "graph.json").write_text('{"heat": [], "state": ["heat"], "on": ["state"]}')

    config = get_config(f"smoke,{tmp_path}/graph.json,method=causalvae")
    config.data.update(images=str(tmp_path / "images.npz"), labels=str(tmp_path / "labels.csv"))
    config.train.update(steps=2, batch_size=8)
    settings = Settings.from_dict(config.to_dict())

    def kinds_of(model):
        return [var.mechanism for var in model.graph.variables]

    with monkeypatch.context() as before:
        before.setattr("cdae_jax.training.loop.class_effects", lambda _: {})
        train_model(settings, tmp_path / "old")
    train_model(settings, tmp_path / "old")
    old = load(tmp_path / "old")
    assert kinds_of(old) == ["", "", ""] and old.stats.sd[2] != 0.5
    for _ in range(2):
        train_model(settings, tmp_path / "new")
    new = load(tmp_path / "new")
    assert kinds_of(new) == ["", CLASS, CLASS] and old.model.block_dim == new.model.block_dim == 5
    assert (new.stats.mean[2], new.stats.sd[2]) == (0.5, 0.5)
    labels = new.predict(images[:8], {"heat": 3.0})
    assert set(labels[:, 1]) <= set(range(5)) and set(labels[:, 2]) <= {0, 1}
