"""What a user looks at before training: counts, label statistics, and whether the labels look like the graph.

Dependence is mutual information (nearest neighbours; Kraskov et al. 2004, arXiv cond-mat/0305641) in nats, which also
sees dependences that are no correlations. What the graph separates is judged by the local Markov property: a variable
is independent of its non-descendants given its parents, so what is left of it after a regression on its parents should
carry no information on them.
"""

import numpy as np
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
    lines = [f"{'variable':<14}{'unit':<14}{'labelled':>10}{'mean':>10}{'sd':>10}{'lowest':>10}{'highest':>10}"]
    for i, var in enumerate(graph.variables):
        column = labels[np.isfinite(labels[:, i]), i]
        numbers = (column.mean(), column.std(), column.min(), column.max())
        lines.append(f"{var.name:<14}{var.unit or '-':<14}{len(column):>10}" + "".join(f"{x:>10.4g}" for x in numbers))
    whole = labels[np.isfinite(labels).all(1)]
    if len(whole) < MIN_ROWS:
        return "\n".join([*lines, "", f"only {len(whole)} images have every label: too few to compare with the graph"])
    lines += ["", "correlation of the labels", " " * 14 + "".join(f"{name:>14}" for name in graph.names)]
    for name, row in zip(graph.names, np.atleast_2d(np.corrcoef(whole.T)), strict=True):
        lines.append(f"{name:<14}" + "".join(f"{value:>14.3f}" for value in row))
    rows = whole[np.random.default_rng(0).permutation(len(whole))[:MAX_ROWS]].astype(np.float64)
    lines += ["", f"edges of the graph: mutual information in nats, over {len(rows)} images"]
    for cause, effect, nats in edges(rows, graph):
        verdict = "" if nats >= INDEPENDENT else "   looks independent: is this edge right?"
        lines.append(f"{cause} -> {effect}: {nats:.2f}{verdict}")
    lines += ["", "what the graph separates: mutual information in nats, given the parents of the first"]
    for name, other, nats in separations(rows, graph):
        verdict = "" if nats < INDEPENDENT else "   looks dependent: is an edge missing?"
        lines.append(f"{name}, {other}: {nats:.2f}{verdict}")
    return "\n".join(lines)
