"""How well mechanisms do on labels alone: no image, no encoder, no decoder.

Every kind of mechanism is fitted to the labels of the training images, as before training. The labels that it holds
true under do(v = values) are compared with the truth, where that is known, for test images whose labels are given.
Values are drawn from the test labels ("usual"), and evenly over the range of the training labels ("far").
"""

import functools

import jax
import numpy as np
import pandas as pd

from cdae_jax.data.dataset import Dataset
from cdae_jax.data.labels import LabelStats
from cdae_jax.data.pipeline import label_columns
from cdae_jax.errors import InputError
from cdae_jax.evaluation.interventions import labels_under
from cdae_jax.model.prior import label_codes, labels_of
from cdae_jax.model.scm import Intervention
from cdae_jax.settings.run import Settings
from cdae_jax.training.loop import examples_of
from cdae_jax.training.mechanisms import KINDS, Scores, causal_model, class_effects, fit_to_labels, scores_of

NUM = 2_000  # test images at most


def believed(scm, params, y: np.ndarray, i: int, values: np.ndarray) -> np.ndarray:
    """Standardised labels [B, n] under do(variable i = values [B]) of standardised labels y [B, n]."""
    mask = np.broadcast_to(np.arange(y.shape[1]) == i, y.shape)
    return np.asarray(_believed(scm, params, y, mask, np.broadcast_to(values[:, None], y.shape).astype(np.float32)))


@functools.partial(jax.jit, static_argnames="scm")
def _believed(scm, params, y, mask, values):
    codes, set_to = (label_codes(scm.graph, scm.block_dim, given) for given in (y, values))
    u = scm.apply(params, codes, method="abduct")
    return labels_of(scm.graph, scm.apply(params, u, Intervention(mask, set_to)))


def study_mechanisms(settings: Settings, dataset: Dataset) -> tuple[Scores, pd.DataFrame]:
    """The scores that choose, and a table: mean absolute error in standard deviations and in physical units of each
    effect under each do(), by targets and kind; empty where the true mechanisms are unknown. Raises InputError for a
    graph without effects.
    """
    settings = settings.with_mechanisms(class_effects(settings))
    graph = settings.graph
    if not any(graph.parents):
        raise InputError(f"no variable of {dataset.name} has parents: there is no mechanism to fit")
    split, y, stats = examples_of(settings, dataset)
    columns, test = label_columns(dataset, graph), dataset.test.labels[:NUM]
    y_test, rng = stats.standardise(test[:, columns]), np.random.default_rng(settings.data.seed)
    spread = LabelStats.of(split.labels[:, columns], graph, num_rows=1).sd  # whatever labels are divided by in training
    sd, seed = settings.model.prior_sd, settings.train.seed
    numbers = [name for i, name in enumerate(graph.names) if i not in graph.class_effects]
    models = {kind: causal_model(settings, dict.fromkeys(numbers, kind)) for kind in ("additive", *KINDS)}
    fits = {kind: fit_to_labels(scm, y, sd, split.was_set, seed) for kind, scm in models.items()}
    scores = scores_of(graph, {kind: fits[kind] for kind in KINDS})
    rows = []
    for i, name in enumerate(graph.names):
        targets = {"usual": rng.permutation(test[:, columns[i]])}
        if not graph.variables[i].classes:
            targets["far"] = rng.uniform(stats.low[i], stats.high[i], len(test))
        is_known = dataset.true_counterfactual is not None and graph.descendants(name)
        for which, values in targets.items() if is_known else ():
            true = labels_under(dataset, test, {name: values})[:, columns]
            for kind, fit in fits.items():
                found = stats.physical(believed(fit.scm, fit.params, y_test, i, (values - stats.mean[i]) / stats.sd[i]))
                for effect in graph.descendants(name):
                    if np.isnan(true[:, j := graph.index(effect)]).any():
                        continue  # the truth of some worlds does not say
                    off = np.abs(found[:, j] - true[:, j]).mean()
                    rows.append([f"do({name})", effect, which, kind, off / spread[j], off])
    return scores, pd.DataFrame(rows, columns=["do", "effect", "targets", "mechanism", "off by, in sd", "physical"])
