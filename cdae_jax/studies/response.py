"""How a counterfactual answers to a knob: strength of the change, guidance, number of steps, depth of the inversion.

For each intervention and each w, over test images: how much of the way the intervened variable went (the slope of
what was reached on what was asked, 0 nothing and 1 all of it), its error, and the error of its worst non-descendant.
The chance level is the error over all pairs of an image and a wanted value; the steepest step is the largest change of
the share between neighbouring w per unit of w, 1 for a straight line from 0 to 1 and more where the image jumps.
"""

import json
import pathlib

import numpy as np
from scipy.stats import spearmanr

from cdae_jax.errors import InputError
from cdae_jax.evaluation import metrics
from cdae_jax.evaluation.bench import Bench, dataset_of, first_of
from cdae_jax.evaluation.figures import GRID_COLUMNS, with_unit
from cdae_jax.evaluation.report import if_known, markdown_table
from cdae_jax.graph import as_file_name
from cdae_jax.inference.loading import load
from cdae_jax.paths import expanded, write_whole
from cdae_jax.plots.pictures import curves, image_grid
from cdae_jax.progress import tqdm

KNOBS = ("strength", "guidance", "num_steps", "depth")


def share_of_the_way(reached: np.ndarray, factual: np.ndarray, asked: np.ndarray) -> float:
    """Least-squares slope through 0 of (reached - factual) on (asked - factual), [N] each: 0 nothing, 1 all. Rows whose
    factual value is unknown (NaN) are left out."""
    known = np.isfinite(factual)
    way, gone = (asked - factual)[known], (reached - factual)[known]
    return float(np.sum(gone * way) / max(np.sum(way**2), 1e-12))


def met_at(w: np.ndarray, share: np.ndarray) -> float | None:
    """The smallest w, between the measured ones linearly, at which the share reaches 1; None if it never does."""
    if not (share >= 1).any():
        return None
    k = int(np.argmax(share >= 1))
    if k == 0:
        return float(w[0])
    return float(w[k - 1] + (w[k] - w[k - 1]) * (1 - share[k - 1]) / (share[k] - share[k - 1]))


def _knob(knob: str, w: float) -> dict:
    return {knob: int(w) if knob == "num_steps" else float(w)}


def respond(bench: Bench, knob: str, grid: np.ndarray) -> dict[str, dict]:
    """The curves of every intervention: lists over the grid, errors per standard deviation of the training labels.

    Some of the images, a row for each w, go into the bench's folder of figures.
    """
    graph, test, found = bench.dataset.graph, bench.test, {}
    for name in tqdm(bench.model.graph.names, "interventions"):
        column, wanted = graph.index(name), test.labels.copy()
        values, _ = bench.draw_values(column)
        do = bench.model.graph.spelled({name: values})
        wanted[:, column] = values
        still = [i for i in range(len(graph)) if i != column and graph.names[i] not in graph.descendants(name)]
        curve: dict[str, list] = {"share": [], "error": [], "non_descendants": []}
        rows = [("factual", test.images[:GRID_COLUMNS])]
        for w in tqdm(grid, f"do({name})", leave=False):
            images, _ = bench.model.counterfactual(test.images, do, context=test.context, **_knob(knob, w))
            rows.append((f"w={w:g}", images[:GRID_COLUMNS]))
            read = bench.read(images)
            curve["share"].append(share_of_the_way(read[:, column], test.labels[:, column], values))
            gaps = metrics.known_mean(metrics.absolute_gaps(graph, read, wanted, bench.sd))
            curve["error"].append(float(gaps[column]))
            curve["non_descendants"].append(float(gaps[still].max()) if still else None)
        every = test.labels.repeat(len(test), axis=0), np.tile(wanted, (len(test), 1))  # image with every value
        by_chance = metrics.absolute_gaps(graph, *every, bench.sd)
        found[f"do({name})"] = curve | {
            "w": [float(w) for w in grid],
            "chance": float(metrics.known_mean(by_chance)[column]),
            "spearman": float(spearmanr(grid, curve["share"]).statistic),
            "steepest": float(np.max(np.abs(np.diff(curve["share"]) / np.diff(grid)))),
            "met_at": met_at(grid, np.array(curve["share"])),
        }
        captions = [f"to {value:.3g}" for value in values[:GRID_COLUMNS]]
        title = f"{with_unit(f'{bench.dataset.name}: do({name})', graph, name)}, by {knob} w"
        image_grid(bench.figures / f"{knob}_{as_file_name(name)}.png", rows, captions, title)
    return found


def table(found: dict[str, dict], knob: str) -> str:
    """The curves as Markdown: one row for each intervention and w."""
    rows = []
    for do, curve in found.items():
        for w, *measured in zip(*(curve[key] for key in ("w", "share", "error", "non_descendants")), strict=True):
            rows.append([do, f"{w:g}", *map(if_known, measured)])
    header = ["", f"{knob} w", "share of the way", "error, sd", "worst non-descendant, sd"]
    lines = [*markdown_table(header, rows), ""]
    for do, curve in found.items():
        met = "never in this range" if curve["met_at"] is None else f"at w = {curve['met_at']:.2f}"
        steps = f"Spearman of share and w {curve['spearman']:.3f}, steepest step {curve['steepest']:.2f}"
        lines.append(f"- {do}: {steps}; all of the way {met}; chance level of the error {curve['chance']:.3f} sd.")
    return "\n".join(lines) + "\n"


def response_curves(directory: str | pathlib.Path, knob: str, grid: list[float], num_images: int) -> dict[str, dict]:
    """Measures a workdir's curves and writes <knob>.json, <knob>.md, <knob>.png and a grid for each do() into it.
    Raises InputError for no trained workdir, an unknown knob, or a grid that is not increasing from at least 0."""
    directory, w = expanded(directory), np.asarray(grid, np.float64)
    if knob not in KNOBS:
        raise InputError(f"the knob is {knob!r}: expected one of {', '.join(KNOBS)}")
    if len(w) < 2 or (np.diff(w) <= 0).any() or w[0] < 0 or not np.isfinite(w).all():
        raise InputError(f"the values of w are {', '.join(map(str, grid))}: expected two or more, increasing from 0 on")
    model = load(directory)
    if knob == "strength" and w[-1] > 1:
        raise InputError(f"the largest strength is {w[-1]:g}: expected at most 1, which makes all of a change")
    if knob != "strength":
        for value in w:
            model.options(**_knob(knob, value))
        if not model.model.decoder.diffuses:
            raise InputError(f"the model in {directory} has a conv decoder, which has no guidance and no steps")
    dataset = dataset_of(model, directory)
    test = first_of(dataset.test, num_images)
    found = respond(Bench(dataset, model, test, directory), knob, w)
    write_whole(directory / f"{knob}.json", json.dumps({"num_images": len(test), "curves": found}, indent=2) + "\n")
    write_whole(directory / f"{knob}.md", table(found, knob))
    panels = []
    for do, curve in found.items():
        lines = [(curve["share"], "o-", "share of the way"), (curve["error"], "s--", "its error, sd")]
        if curve["non_descendants"][0] is not None:
            lines.append((curve["non_descendants"], "^:", "worst non-descendant, sd"))
        panels.append({"x": w, "x_label": f"{knob} w", "y_label": do, "lines": lines})
    curves(directory / f"{knob}.png", panels, f"{dataset.name}: response to {knob}, {len(test)} test images")
    return found
