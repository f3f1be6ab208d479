"""Mechanisms fitted to labels alone: the laws that each kind can hold, which one is chosen, and what a run keeps."""

import chex
import jax
import numpy as np
import pandas as pd
import pytest
from short_runs import settings_with

from cdae_jax.data import morpho_mnist
from cdae_jax.data.labels import LabelStats
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.inference.loading import load
from cdae_jax.model.scm import StructuralCausalModel
from cdae_jax.studies.mechanisms import believed
from cdae_jax.training.loop import train_model
from cdae_jax.training.mechanisms import KINDS, Fit, Scores, fit_to_labels, scores_of

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
    fit = fit_to_labels(causal(kind, morpho_mnist.GRAPH, 64), stats.standardise(labels), PRIOR_SD, steps=2_000)
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
    fits = {each: fit_to_labels(causal(each), y, PRIOR_SD, steps=1_000) for each in KINDS}
    assert scores_of(PAIR, fits).chosen == {"effect": kind}


@pytest.mark.parametrize("kind", KINDS)
def test_the_noise_of_an_effect_that_its_cause_determines_keeps_the_spread_of_the_prior(kind):
    """So that its u says by how much an image departs from the mechanism, instead of nothing but rounding."""
    cause = np.random.default_rng(2).normal(size=4_000)
    fit = fit_to_labels(causal(kind, block_dim=2), standardised(cause, np.tanh(cause)), PRIOR_SD, steps=600)
    law = 0.5 + np.log(PRIOR_SD)  # of noise of that spread around what the cause says
    assert law - 0.05 < fit.misfit.mean() < law + 0.2


def test_few_labels_are_not_learned_by_heart():
    """Of 60 pairs without a law a large network would say what each one is; it stops where held-out ones fit best."""
    y = np.random.default_rng(3).normal(size=(60, 2)).astype(np.float32)
    fit = fit_to_labels(causal("affine", hidden=128), y, PRIOR_SD, steps=800)
    far = np.random.default_rng(4).normal(size=(500, 2, 1)).astype(np.float32)
    u, log_slope = fit.scm.apply(fit.params, far, method=lambda scm, z: scm.conditionals(z).u_of(z))
    assert np.mean(0.5 * np.asarray(u)[:, 1] ** 2 + np.asarray(log_slope)[:, 1]) < 0.75  # 0.5 is the law itself


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


def test_a_run_keeps_what_was_chosen_and_fitted_when_it_started(tmp_path, monkeypatch):
    chosen, seen = {"length": "spline", "position": "scaled"}, []

    def scores(graph, fits):
        seen.append(fits)
        mean = pd.DataFrame({name: {kind: float(kind != chosen[name]) for kind in KINDS} for name in chosen}).T
        return Scores(mean, 0 * mean)

    monkeypatch.setattr("cdae_jax.training.mechanisms.scores_of", scores)
    data = {"data_dir": str(tmp_path / "data")}
    settings = settings_with(model={"mechanism": "auto"}, data=data, train={"steps": 2})
    for _ in range(2):  # the second finds it finished
        train_model(settings, tmp_path / "run")
    (fits,) = seen
    model = load(tmp_path / "run")
    assert {var.name: var.mechanism for var in model.graph.variables if var.parents} == chosen
    for name, kind in chosen.items():
        kept, fitted = (tree["params"] for tree in (model.params, fits[kind].params))
        chex.assert_trees_all_close(kept["scm"][f"mechanisms_{name}"], fitted[f"mechanisms_{name}"], rtol=1e-6)
    assert model.predict(model.sample(2).images, {"angle": 3.0}).shape == (2, 4)
