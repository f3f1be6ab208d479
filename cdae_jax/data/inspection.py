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

from cdae_jax.data.labels import shown
from cdae_jax.graph import CausalGraph

INDEPENDENT = 0.05  # nats; below this, two variables look independent
MAX_ROWS = 4000
MIN_ROWS = 50
FEW, MANY = 10, 3  # numbers that are so few, each in so many rows at least, may be classes


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


def summary(labels: np.ndarray, graph: CausalGraph) -> str:
    """The edges, a line of statistics for each variable, how often each class occurs, and numbers that may be classes;
    arguments as for `describe`."""
    rows, notes = [], []
    for var, column in zip(graph.variables, labels.T, strict=True):
        known = column[np.isfinite(column)]
        values, counts = np.unique(known, return_counts=True)
        row = [var.kind, var.unit or "-", str(len(known)), "-", "-", "-", "-"]
        if var.classes:
            told = (f"{var.spell(value)} {count}" for value, count in zip(values, counts, strict=True))
            notes.append(f"{var.name}, images of each class: {', '.join(told)}")
        elif len(known):
            mean, low, high = (shown(end, values[0], values[-1]) for end in (known.mean(), values[0], values[-1]))
            row[3:] = [mean, f"{known.std():.4g}", low, high]
            if len(values) <= FEW and counts.min() >= MANY and (values == np.rint(values)).all():
                notes.append(
                    f"{var.name} has {len(values)} different whole numbers: if they are classes, say so in the graph"
                    ' ("kind": "categorical")'
                )
        rows.append(row)
    header = pd.Index(["kind", "unit", "labelled", "mean", "sd", "lowest", "highest"], name="variable")
    return "\n".join(
        ["edges, cause -> effect", str(graph), "", pd.DataFrame(rows, graph.names, header).to_string(), *notes]
    )


def describe(labels: np.ndarray, graph: CausalGraph) -> str:
    """`summary` and what the labels say of the graph, as text. labels [N, n] physical (classes: codes), NaN where
    unlabelled, in the graph's order, whose kinds are resolved."""
    table = pd.DataFrame(labels.astype(np.float64), columns=graph.names)
    lines = [summary(labels.astype(np.float64), graph)]
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
