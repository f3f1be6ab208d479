"""What mechanisms make of labels alone: against the true ones, on a world whose labels are known."""

import functools

import numpy as np
from short_runs import dataset_of, settings_with

from cdae_jax.data.labels import LabelStats
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.model.scm import StructuralCausalModel
from cdae_jax.studies import mechanisms
from cdae_jax.studies.mechanisms import believed
from cdae_jax.training.mechanisms import fit_to_labels

CHAIN = CausalGraph((Variable("a"), Variable("b", ("a",)), Variable("c", ("b",))))


def test_what_is_believed_follows_the_mechanisms_and_keeps_each_images_noise():
    rng = np.random.default_rng(0)
    a, noise = rng.normal(size=4_000), 0.3 * rng.normal(size=(2, 4_000))
    labels = np.stack([a, 2 * a + noise[0], 1 - 2 * a - noise[0] + noise[1]], 1)
    stats = LabelStats.of(labels, CHAIN)
    graph = CHAIN.with_mechanisms({"b": "scaled", "c": "affine"})
    scm, params, _ = fit_to_labels(StructuralCausalModel(graph, 1, 32), stats.standardise(labels), 0.05, steps=1_000)
    found = stats.physical(believed(scm, params, stats.standardise(labels[:50]), 0, np.full(50, 0.5)))
    b = 2 * found[:, 0] + noise[0, :50]
    np.testing.assert_allclose(found[:, 1], b, atol=0.15)
    np.testing.assert_allclose(found[:, 2], 1 - b + noise[1, :50], atol=0.15)


def test_errors_are_in_deviations_whatever_labels_are_divided_by_in_training(monkeypatch):
    monkeypatch.setattr(mechanisms, "fit_to_labels", functools.partial(fit_to_labels, steps=5))
    monkeypatch.setattr(mechanisms, "KINDS", ("scaled",))
    settings = settings_with(model={"label_scale": "range"})
    dataset = dataset_of(settings)
    _, found = mechanisms.study_mechanisms(settings, dataset)
    sd = dict(zip(dataset.graph.names, dataset.train.labels.std(0), strict=True))
    np.testing.assert_allclose(found["off by, in sd"], found["physical"] / found["effect"].map(sd), rtol=1e-4)
