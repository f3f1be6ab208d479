"""Mechanisms fitted to labels alone: the laws that each kind can hold, which one is chosen, and what a run keeps."""

import dataclasses

import chex
import jax
import numpy as np
import pandas as pd
import pytest
from class_effects import GRAPH as WITH_CLASSES
from class_effects import HEAT, ON, SIZE, STATE, log_p
from short_runs import settings_with

from cdae_jax.data import morpho_mnist
from cdae_jax.data.labels import LabelStats
from cdae_jax.errors import InputError
from cdae_jax.graph import CLASS, CausalGraph, Variable
from cdae_jax.inference.loading import load
from cdae_jax.model.prior import label_codes
from cdae_jax.model.scm import StructuralCausalModel
from cdae_jax.settings.run import Settings
from cdae_jax.studies.mechanisms import believed
from cdae_jax.training.loop import train_model
from cdae_jax.training.mechanisms import (
    KINDS,
    Fit,
    Scores,
    class_effects,
    fit_mechanisms,
    fit_to_labels,
    refit,
    scores_of,
)
from configs.custom import get_config

PAIR = CausalGraph((Variable("cause"), Variable("effect", ("cause",))))
PRIOR_SD = 0.05

pytestmark = pytest.mark.usefixtures("one_device_alone")


def causal(kind, graph=PAIR, hidden=32, block_dim=1):
    return StructuralCausalModel(graph, block_dim, hidden, kind)


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
    fit = fit_to_labels(causal(kind, morpho_mnist.GRAPH, 64), stats.standardise(labels), PRIOR_SD, steps=1_000)
    wanted = rng.permutation(held[:, 0])
    found = believed(fit.scm, fit.params, stats.standardise(held), 0, (wanted - stats.mean[0]) / stats.sd[0])
    off = np.abs(stats.physical(found)[:, 1] - intensity(wanted, noise)).mean()
    assert at_least < off <= at_most


def standardised(cause, effect):
    y = np.stack([cause, effect], 1)
    return ((y - y.mean(0)) / y.std(0)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_the_simplest_kind_that_fits_is_chosen(kind):
    rng = np.random.default_rng(1)
    cause, noise = rng.normal(size=6_000), rng.normal(size=6_000)
    effect = {
        "scaled": cause + 0.5 * noise,
        "affine": cause + np.exp(0.8 * cause) * noise,
        "spline": cause + np.where(noise > 0, 3, 0.3) * noise,
    }[kind]
    y = standardised(cause, effect)
    y[::7, 1] = np.nan
    fits = {each: fit_to_labels(causal(each), y, PRIOR_SD, steps=300) for each in KINDS}
    assert scores_of(PAIR, fits).chosen == {"effect": kind}


@pytest.mark.parametrize("kind", KINDS)
def test_the_noise_of_an_effect_that_its_cause_determines_keeps_the_spread_of_the_prior(kind):
    """So that its u says by how much an image departs from the mechanism, instead of nothing but rounding."""
    cause = np.random.default_rng(2).normal(size=4_000)
    fit = fit_to_labels(causal(kind, block_dim=2), standardised(cause, np.tanh(cause)), PRIOR_SD, steps=400)
    law = 0.5 + np.log(PRIOR_SD)  # of noise of that spread around what the cause says
    assert law - 0.05 < fit.misfit.mean() < law + 0.2


def test_few_labels_are_not_learned_by_heart():
    """Of 60 pairs without a law a large network would say what each one is; it stops where held-out ones fit best."""
    y = np.random.default_rng(3).normal(size=(60, 2)).astype(np.float32)
    fit = fit_to_labels(causal("affine", hidden=128), y, PRIOR_SD, steps=400)
    far = np.random.default_rng(4).normal(size=(500, 2, 1)).astype(np.float32)
    u, log_slope = fit.scm.apply(fit.params, far, method=lambda scm, z: scm.conditionals(z).u_of(z))
    assert np.mean(0.5 * np.asarray(u)[:, 1] ** 2 + np.asarray(log_slope)[:, 1]) < 0.75  # 0.5 is the law itself


def test_where_every_step_fits_held_out_labels_worse_the_first_parameters_stay():
    cause, held = np.random.default_rng(6).normal(size=1_000), np.zeros(1_000, bool)
    held[np.random.default_rng([0, 13]).permutation(1_000)[:200]] = True
    y = np.stack([cause, np.where(held, -2 * cause, 0.3 * cause)], 1).astype(np.float32)
    scm = causal("scaled")
    first = scm.init(jax.random.key(0), np.zeros((1, 2, 1), np.float32))
    chex.assert_trees_all_close(fit_to_labels(scm, y, PRIOR_SD, steps=20).params, first, rtol=1e-5)


def test_what_cannot_be_told_is_not_a_number():
    """So that no such kind is chosen, least of all for being the simplest."""
    rng = np.random.default_rng(7)
    fit = fit_to_labels(causal("scaled"), rng.normal(size=(40, 2)).astype(np.float32), np.nan, steps=20)
    assert np.isnan(fit.misfit).all()


def test_labels_that_were_set_by_hand_say_nothing_of_their_mechanism():
    rng = np.random.default_rng(5)
    cause, was_set = rng.normal(size=2_000), np.zeros((2_000, 2), bool)
    was_set[::2, 1] = True
    y = standardised(cause, np.where(was_set[:, 1], rng.normal(size=2_000), -cause))
    told = np.where(was_set, np.nan, y).astype(np.float32)
    fits = [fit_to_labels(causal("scaled"), *given, steps=60) for given in ((y, PRIOR_SD, was_set), (told, PRIOR_SD))]
    for mine, other in zip(*(jax.tree.leaves(fit.params) for fit in fits), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_an_effect_without_labels_is_named():
    y = np.zeros((50, 2), np.float32)
    y[:, 1] = np.nan
    with pytest.raises(InputError, match=r"0 training images have labels of 'effect' and its parents \('cause'\)"):
        fit_to_labels(causal("scaled"), y, PRIOR_SD)


def test_the_scores_are_means_over_what_is_known_and_their_errors_those_of_the_difference():
    misfits = {
        "scaled": [[1.0], [2.0], [np.nan]],
        "affine": [[0.0], [3.0], [np.nan]],
        "spline": [[0.5], [0.5], [np.nan]],
    }
    scores = scores_of(PAIR, {kind: Fit(None, None, np.array(values)) for kind, values in misfits.items()})
    assert scores.mean.loc["effect"].to_dict() == {"scaled": 1.5, "affine": 1.5, "spline": 0.5}
    np.testing.assert_allclose(scores.error.loc["effect"], [0.5, 1.5, 0])
    assert scores.chosen == {"effect": "affine"}


def test_a_run_keeps_what_was_chosen_and_fitted_when_it_started(idle, tmp_path, monkeypatch):
    chosen, seen = {"length": "affine", "position": "scaled"}, []
    monkeypatch.setattr("cdae_jax.training.mechanisms.KINDS", tuple(chosen.values()))

    def scores(graph, fits):
        seen.append(fits)
        mean = pd.DataFrame({name: {kind: float(kind != chosen[name]) for kind in fits} for name in chosen}).T
        return Scores(mean, 0 * mean)

    monkeypatch.setattr("cdae_jax.training.mechanisms.scores_of", scores)
    data = {"data_dir": str(tmp_path / "data")}
    settings = settings_with("smoke,method=causalvae", model={"mechanism": "auto"}, data=data, train={"steps": 2})
    for _ in range(2):  # the second finds it finished
        train_model(settings, tmp_path / "run")
    (fits,) = seen
    model = load(tmp_path / "run")
    assert {var.name: var.mechanism for var in model.graph.variables if var.parents} == chosen
    for name, kind in chosen.items():
        kept, fitted = (tree["params"] for tree in (model.params, fits[kind].params))
        chex.assert_trees_all_equal(kept["scm"][f"mechanisms_{name}"], fitted[f"mechanisms_{name}"])
    assert model.predict(np.zeros((2, 16, 16, 3), np.uint8), {"angle": 3.0}).shape == (2, 4)


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
    scm, params, _ = fit_to_labels(causal("scaled", WITH_CLASSES, block_dim=3), y, PRIOR_SD, steps=500)
    held = labels_with_classes(1_000, rng)
    code = label_codes(WITH_CLASSES, scm.block_dim, held)
    for i, true in zip((STATE, ON), true_log_p(held[:, HEAT], held[:, STATE]), strict=True):
        off = 0.5 * np.abs(np.exp(log_p(params["params"], i, code)) - np.exp(true)).sum(1)  # total variation
        assert off.mean() < 0.03


def test_an_effect_that_is_a_class_has_one_kind_and_numbers_all(capsys):
    graph = CausalGraph(tuple(WITH_CLASSES.variables[i] for i in (STATE, HEAT, SIZE))).with_mechanisms({"state": ""})
    settings = dataclasses.replace(settings_with(train={"steps": 10}, model={"mechanism": "auto"}), graph=graph)
    assert class_effects(settings) == {"state": CLASS}
    assert class_effects(settings.with_mechanisms({"state": "affine"})) == {}
    assert class_effects(dataclasses.replace(settings_with("smoke,method=paper"), graph=graph)) == {}
    y = labels_with_classes(2_000, np.random.default_rng(0))[:, [STATE, HEAT, SIZE]]
    settings = settings.with_mechanisms(class_effects(settings))
    kinds, params = fit_mechanisms(settings, y, np.zeros(y.shape, bool))
    assert kinds["state"] == CLASS and kinds["size"] in KINDS
    assert params["mechanisms_state"]["Dense_2"]["bias"].shape == (3,)
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()[2:]}
    assert rows["state"][:3] == ["-"] * 3 and rows["state"][4] == CLASS and 0 < float(rows["state"][3]) < 1.1
    assert rows["size"][3] == "-" and rows["size"][4] == kinds["size"]


def test_runs_have_classes_as_effects_unless_they_were_started_without(idle, tmp_path, monkeypatch):
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
    assert CLASS not in kinds_of(old) and old.stats.sd[2] != 0.5
    for _ in range(2):
        train_model(settings, tmp_path / "new")
    new = load(tmp_path / "new")
    assert kinds_of(new) == ["", CLASS, CLASS] and old.model.block_dim == new.model.block_dim == 5
    assert (new.stats.mean[2], new.stats.sd[2]) == (0.5, 0.5)
    labels = new.predict(images[:8], {"heat": 3.0})
    assert set(labels[:, 1]) <= set(range(5)) and set(labels[:, 2]) <= {0, 1}


def test_refits_disagree_more_where_data_are_few():
    rng = np.random.default_rng(0)
    cause = np.concatenate([rng.uniform(-1, 1, 1_500), rng.uniform(1, 3, 20)])
    y, scm = standardised(cause, np.sin(2 * cause) + 0.05 * rng.normal(size=len(cause))), causal("scaled")
    members = refit(scm, y, PRIOR_SD, None, num=4, steps=400)
    factual = np.repeat(y[:1], 50, 0)
    asked = np.repeat([[0.0], [4.0]], 50, 1)  # standard deviations of the cause: amid the data, and past their end
    found = [
        [
            believed(scm, {"params": jax.tree.map(lambda leaf, k=k: leaf[k], members)}, factual, 0, to)[0, 1]
            for to in asked
        ]
        for k in range(4)
    ]
    near, far = np.std(found, axis=0)
    assert 0 < near < 0.5 * far


def test_refits_are_blind_to_no_class_of_a_cause():
    """An effect of a cause of three classes is known for each of them by every refit."""
    rng = np.random.default_rng(0)
    graph = CausalGraph((Variable("kind", kind="categorical", classes=3), Variable("size", ("kind",))))
    kind = rng.integers(0, 3, 1_000)
    y = np.stack([kind, kind - 1 + 0.05 * rng.normal(size=1_000)], 1).astype(np.float32)
    scm = causal("scaled", graph, block_dim=3)
    members = refit(scm, y, PRIOR_SD, None, num=3, steps=400)
    for k in range(3):
        params = {"params": jax.tree.map(lambda leaf, k=k: leaf[k], members)}
        found = believed(scm, params, y[:1].repeat(3, 0), 0, np.arange(3.0))
        np.testing.assert_allclose(np.diff(found[:, 1]), 1, atol=0.2)
