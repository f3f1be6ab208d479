"""What mechanisms make of labels alone: no image, no encoder, no decoder.

Of every kind of mechanism, and of the kinds that `training.mechanisms` chooses, fitted to the labels of the training
images: by how much the labels that they hold true under do(v = values) are off, for test images whose labels are given,
where the true mechanisms are known. Values are drawn from the test labels ("usual"), and evenly over the range of the
training labels ("far").
"""

import numpy as np
import pandas as pd

from cdae_jax.data.labels import LabelStats
from cdae_jax.data.pipeline import label_columns, make_dataset
from cdae_jax.errors import InputError
from cdae_jax.evaluation.interventions import labels_under
from cdae_jax.model.prior import label_codes, labels_of
from cdae_jax.model.scm import Intervention
from cdae_jax.settings.run import Settings
from cdae_jax.training.mechanisms import KINDS, Scores, class_effects, fit_to_labels, score, with_kind

NUM = 2_000  # test images at most


def believed(scm, params, y: np.ndarray, i: int, values: np.ndarray) -> np.ndarray:
    """Standardised labels [B, n] under do(variable i = values [B]) of standardised labels y [B, n]."""
    codes = label_codes(scm.graph, scm.block_dim, y)
    set_to = label_codes(scm.graph, scm.block_dim, np.broadcast_to(values[:, None], y.shape).astype(np.float32))
    mask = np.zeros(y.shape, bool)
    mask[:, i] = True
    u = scm.apply(params, codes, method="abduct")
    return np.asarray(labels_of(scm.graph, scm.apply(params, u, Intervention(mask, set_to))))


def study_mechanisms(settings: Settings, steps: int) -> tuple[Scores, pd.DataFrame]:
    """The scores that choose, and a table: mean absolute error in standard deviations and in physical units of each
    effect under each do(), by targets and kind. Raises InputError where the true mechanisms or all effects are missing.
    """
    graph = settings.graph.with_mechanisms(class_effects(settings.graph))
    dataset = make_dataset(settings.data, graph)
    if not any(graph.parents) or dataset.true_counterfactual is None:
        raise InputError(f"{dataset.name} has no effect whose true mechanism is known: nothing can be compared")
    columns = label_columns(dataset, graph)
    train, test = dataset.train.labels[~dataset.train.was_set.any(1)][:, columns], dataset.test.labels[:NUM]
    stats, hidden = LabelStats.of(train, graph, settings.model.label_scale), settings.model.mechanism_hidden
    y, y_test = stats.standardise(train), stats.standardise(test[:, columns])
    scores, rng = score(graph, y, hidden, settings.train.seed), np.random.default_rng(settings.data.seed)
    graphs = {kind: with_kind(graph, kind) for kind in KINDS} | {"chosen": graph.with_mechanisms(scores.chosen)}
    fitted = {name: fit_to_labels(of, y, hidden, settings.train.seed, steps) for name, of in graphs.items()}
    rows = []
    for i, name in enumerate(graph.names):
        targets = {"usual": rng.permutation(test[:, columns[i]])}
        if not graph.variables[i].classes:
            targets["far"] = rng.uniform(stats.low[i], stats.high[i], len(test))
        for which, values in targets.items() if graph.descendants(name) else ():
            true = labels_under(dataset, test, {name: values})[:, columns]
            for kind, (scm, params) in fitted.items():
                found = stats.physical(believed(scm, params, y_test, i, (values - stats.mean[i]) / stats.sd[i]))
                for effect in graph.descendants(name):
                    j = graph.index(effect)
                    off = np.abs(found[:, j] - true[:, j]).mean()
                    rows.append([f"do({name})", effect, which, kind, off / stats.sd[j], off])
    return scores, pd.DataFrame(rows, columns=["do", "effect", "targets", "mechanism", "off by, in sd", "physical"])
