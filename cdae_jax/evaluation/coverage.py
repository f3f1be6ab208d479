"""Whether a model is as sure as it should be: how often intervals hold the true label, and whether wide ones warn.

This concerns the labels that the model holds true; no image is decoded. Under do() only descendants of the set variable
are measured: its own interval is a point, and other variables keep their factual one.
"""

import numpy as np

from cdae_jax.counterfactual.uncertainty import Spread
from cdae_jax.data.pipeline import label_columns
from cdae_jax.evaluation import metrics
from cdae_jax.evaluation.bench import Bench
from cdae_jax.evaluation.interventions import labels_under
from cdae_jax.graph import Variable

DRAWS = 64
ROUNDING = 1e-5  # standard deviations by which a point may miss itself


def measure_uncertainty(bench: Bench) -> dict:
    """ "factual": variable -> how its intervals hold the labels of test images; "do": do(name) -> descendant -> the
    same under do(name = values drawn from the marginal), where the truth is known; "all" of these descendants
    together, numbers alone. See `held`."""
    dataset, model, test = bench.dataset, bench.model, bench.test
    graph, columns = model.graph, label_columns(dataset, model.graph)
    sd = bench.sd[columns]
    told, spread = model.predict(test.images, {}, context=test.context, draws=DRAWS, seed=bench.seed)
    rows = [_row(told, spread, test.labels[:, columns], sd, i) for i in range(len(graph))]
    found = {"draws": DRAWS, "members": model.uncertainty.num_members, "factual": {}, "do": {}}
    found["factual"] = {var.name: held(var, *row) for var, row in zip(graph.variables, rows, strict=True)}
    numbers = []
    for name in graph.names if dataset.true_counterfactual is not None else ():
        effects = [graph.index(effect) for effect in graph.descendants(name)]
        if not effects:
            continue
        values, _ = bench.draw_values(dataset.graph.index(name))
        true = labels_under(dataset, test.labels, {name: values})[:, columns]
        do = graph.spelled({name: values})
        told, spread = model.predict(test.images, do, context=test.context, draws=DRAWS, seed=bench.seed)
        rows = {i: _row(told, spread, true, sd, i) for i in effects}
        found["do"][f"do({name})"] = {graph.names[i]: held(graph.variables[i], *row) for i, row in rows.items()}
        numbers += [row for i, row in rows.items() if not graph.variables[i].classes]
    if numbers:
        found["all"] = held(Variable("all"), *(np.concatenate(parts) for parts in zip(*numbers, strict=True)))
        cells = np.array([np.where(known, inside, np.nan) for _, _, inside, known in numbers])  # [cells, N]
        found["all"]["coverage"] = metrics.mean_with_interval(metrics.mean_of_cells(cells[..., None]))
    return found


def _row(told, spread: Spread, true, sd, i: int) -> tuple[np.ndarray, ...]:
    """What `held` takes, each [N], in standard deviations of the training labels; of a class sureness as the width."""
    scale = sd[i]
    width = np.where(np.isfinite(spread.sure[:, i]), 1 - spread.sure[:, i], (spread.high - spread.low)[:, i] / scale)
    inside = (spread.low[:, i] - ROUNDING * scale <= true[:, i]) & (true[:, i] <= spread.high[:, i] + ROUNDING * scale)
    return width, np.abs(told[:, i] - true[:, i]) / scale, inside, np.isfinite(true[:, i])


def held(var: Variable, width: np.ndarray, error: np.ndarray, inside: np.ndarray, known: np.ndarray) -> dict:
    """Of images [N] whose truth is known: "coverage", the share whose 90 % interval holds it, with its interval,
    "by_tercile" of the width, narrow to wide; "width" and "error" in sd, means; "rank", the rank correlation of both
    (Spearman), None where all are alike. Of a class: "coverage" is the accuracy, "sure" the mean share of draws that
    have the class that is told, which should be the same; "width" is 1 - sure, and the error 1 of a wrong class."""
    width, error, inside = width[known], error[known], inside[known]
    if var.classes:
        error = (error > 0).astype(float)
        inside = error == 0
    order = np.array_split(np.argsort(width, kind="stable"), 3)
    rank = metrics.rank_correlation(width, error)
    found = {
        "coverage": metrics.mean_with_interval(inside.astype(float)),
        "by_tercile": [float(metrics.known_mean(inside[part].astype(float))) for part in order],
        "widths": [float(metrics.known_mean(width[part])) for part in order],
        "width": float(metrics.known_mean(width)),
        "error": float(metrics.known_mean(error)),
        "rank": None if np.isnan(rank) else rank,
    }
    return found | ({"sure": 1 - found["width"]} if var.classes else {})
