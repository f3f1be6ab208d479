"""What a user looks at before training: counts, label statistics, and whether the labels look like the graph.

Dependence is mutual information (nearest neighbours; Kraskov et al. 2004, arXiv cond-mat/0305641) in nats, which also
sees dependences that are no correlations. What the graph separates is judged by the local Markov property: a variable
is independent of its non-descendants given its parents, so what is left of it after a regression on its parents should
carry no information on them.
"""

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_selection import mutual_info_regression
from sklearn.model_selection import cross_val_predict
from threadpoolctl import threadpool_limits

from cdae_jax.graph import CausalGraph

INDEPENDENT = 0.05  # nats; below this, two variables look independent
MAX_ROWS = 4000
MIN_ROWS = 50


def dependence(a: np.ndarray, b: np.ndarray) -> float:
    """Mutual information of two columns [N] in nats, at least 0."""
    return float(mutual_info_regression(a[:, None], b, random_state=0)[0])


def residual(target: np.ndarray, causes: np.ndarray, num_classes: int = 0) -> np.ndarray:
    """What [N] is left of a column after a cross-validated boosted regression on causes [N, p]; p may be 0.

    For classes 0..num_classes-1, whose plain residual depends on the causes by its form alone, it is the randomised
    quantile residual (Dunn and Smyth 1996): uniform on 0..1 whatever the causes, if the class probabilities are right.
    """
    if not causes.shape[1]:
        return target - target.mean()
    if not num_classes:
        return target - cross_val_predict(HistGradientBoostingRegressor(random_state=0), causes, target, cv=5)
    classes = np.unique(target)
    boosted = HistGradientBoostingClassifier(random_state=0, max_iter=30)
    shares = cross_val_predict(boosted, causes, target.astype(int), cv=5, method="predict_proba")
    ends = np.cumsum(shares, 1)
    rows, place = np.arange(len(target)), np.searchsorted(classes, target)
    low = np.where(place > 0, ends[rows, place - 1], 0)
    return low + (ends[rows, place] - low) * np.random.default_rng(0).random(len(target))


def edges(labels: np.ndarray, graph: CausalGraph) -> list[tuple[str, str, float]]:
    """(cause, effect, mutual information in nats) of every edge, from labels [N, n] without NaN."""
    return [
        (graph.names[p], name, dependence(labels[:, p], labels[:, i]))
        for i, name in enumerate(graph.names)
        for p in graph.parents[i]
    ]


def separations(labels: np.ndarray, graph: CausalGraph) -> list[tuple[str, str, float]]:
    """(variable, non-descendant that is no parent, mutual information given the variable's parents in nats)."""
    found = []
    for place, i in enumerate(graph.order):
        with threadpool_limits(1):  # on so few rows the threads of boosting cost more than they give
            left = residual(labels[:, i], labels[:, list(graph.parents[i])], graph.variables[i].classes)
        for j in graph.order[:place]:
            if j not in graph.parents[i]:
                found.append((graph.names[i], graph.names[j], dependence(labels[:, j], left)))
    return found


def describe(labels: np.ndarray, graph: CausalGraph) -> str:
    """The statistics and the two lists as text. labels [N, n] physical, NaN where unlabelled, in the graph's order."""
    table = pd.DataFrame(labels.astype(np.float64), columns=graph.names)
    summary = pd.DataFrame(
        {
            "unit": [var.unit or "-" for var in graph.variables],
            "labelled": table.count(),
            "mean": table.mean(),
            "sd": table.std(ddof=0),
            "lowest": table.min(),
            "highest": table.max(),
        }
    ).rename_axis(columns="variable")
    lines = [summary.to_string(float_format="{:.4g}".format)]
    whole = table.dropna()
    if len(whole) < MIN_ROWS:
        return "\n".join([*lines, "", f"only {len(whole)} images have every label: too few to compare with the graph"])
    lines += ["", "correlation of the labels", whole.corr().to_string(float_format="{:.3f}".format)]
    rows = whole.to_numpy()[np.random.default_rng(0).permutation(len(whole))[:MAX_ROWS]]
    lines += ["", f"edges of the graph: mutual information in nats, over {len(rows)} images"]
    for cause, effect, nats in edges(rows, graph):
        verdict = "" if nats >= INDEPENDENT else "   looks independent: is this edge right?"
        lines.append(f"{cause} -> {effect}: {nats:.2f}{verdict}")
    lines += ["", "what the graph separates: mutual information in nats, given the parents of the first"]
    for name, other, nats in separations(rows, graph):
        verdict = "" if nats < INDEPENDENT else "   looks dependent: is an edge missing?"
        lines.append(f"{name}, {other}: {nats:.2f}{verdict}")
    return "\n".join(lines)
