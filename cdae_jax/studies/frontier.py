"""Identity against effect: what solver, steps, depth and guidance do to counterfactuals, and the choice among them.

An exact inversion keeps the image but may resist the intervention; a shallower one obeys but forgets the image. Every
point is measured on validation images, which are neither trained on nor reported: choosing does not bias a report.
"""

import dataclasses
import itertools
import json
import pathlib
from collections.abc import Sequence

import numpy as np

from cdae_jax.counterfactual.sampling import Sampling, sampling_of
from cdae_jax.data.pipeline import label_columns
from cdae_jax.errors import InputError
from cdae_jax.evaluation import metrics
from cdae_jax.evaluation.bench import Bench, dataset_of, first_of, validation_of
from cdae_jax.evaluation.interventions import labels_under
from cdae_jax.evaluation.report import if_known, markdown_table
from cdae_jax.inference.loading import load
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.paths import expanded, write_whole
from cdae_jax.plots.pictures import scatter_frontier
from cdae_jax.progress import tqdm
from cdae_jax.training import workdir

MIN_IMAGES = 16


def name_of(point: Sampling) -> str:
    """ "ddim, 10 steps, depth 0.7, w 1, corrections 2"."""
    corrected = f", corrections {point.corrections}" if point.corrections else ""
    return f"{point.solver}, {point.num_steps} steps, depth {point.depth:g}, w {point.guidance:g}{corrected}"


def points(
    solvers: Sequence[str],
    num_steps: Sequence[int],
    depths: Sequence[float],
    guidances: Sequence[float],
    corrections: Sequence[int] = (0,),
) -> list[Sampling]:
    """Every combination, restoring nothing, the cheapest first; corrections only with w = 1, where they are made."""
    every = itertools.product(solvers, num_steps, depths, guidances, corrections)
    found = {Sampling(num, w, depth=depth, solver=name, corrections=more): None for name, num, depth, w, more in every}
    useful = [point for point in found if point.guidance == 1 or not point.corrections]
    return sorted(useful, key=lambda point: point.evaluations)


def possible(model: TrainedModel, tried: Sequence[Sampling]) -> list[Sampling]:
    """The points that the model can decode by, each once, without those that correct where latents follow no labels;
    with the model's own fit_steps, and the default for a depth of 0. Raises InputError for a point with
    options that cannot work, or if none is left."""
    kept = [point for point in tried if model.readout is None or not point.corrections]
    found = [model.options(point, fit_steps=model.defaults.fit_steps) for point in kept or tried][: len(kept)]
    return list(dict.fromkeys(found))


def restoring(model: TrainedModel, point: Sampling) -> Sampling:
    """The point with what the inversion loses restored, if that is the config's way."""
    return dataclasses.replace(point, abduction="restore" if model.settings.sample.abduction == "restore" else "invert")


def measure_point(bench: Bench, point: Sampling) -> dict:
    """Errors per standard deviation of the training labels, and pixel errors on 0..1.

    "intervened", "non_descendants", "cells": the mean over interventions of the variable that is set, of those that
    should stay, and of all whose truth is known; "mse" and "psnr" of the null intervention, where nothing that is lost
    is restored; "mse_to_truth", the mean over interventions against the rendered truth, None where nothing renders it;
    "by_do": the errors of each intervention by variable.
    """
    dataset, test, graph = bench.dataset, bench.test, bench.dataset.graph
    options = restoring(bench.model, point)
    null, _ = bench.model.counterfactual(test.images, {}, context=test.context, options=point)
    mse = metrics.mean_squared_error(null, test.images)
    columns, rows, to_truth = label_columns(dataset, bench.model.graph), [], []
    for name, column in zip(bench.model.graph.names, columns, strict=True):
        values, _ = bench.draw_values(column)
        do = bench.model.graph.spelled({name: values})
        true = labels_under(dataset, test.labels, {name: values})
        images, _ = bench.model.counterfactual(test.images, do, context=test.context, options=options)
        rows.append(metrics.known_mean(metrics.absolute_gaps(graph, bench.read(images), true, bench.sd)))
        if dataset.render is not None:
            to_truth.append(metrics.mean_squared_error(images, dataset.render(true)))
    gaps = np.array(rows)  # [do, n]
    still = gaps[~(graph.ancestor_matrix.T | np.eye(len(graph), dtype=bool))[columns]]
    by_do = [dict(zip(graph.names, row, strict=True)) for row in gaps.tolist()]
    return {
        "intervened": float(np.mean(gaps[range(len(columns)), columns])),
        "non_descendants": float(np.nanmean(still)) if len(still) else None,
        "cells": float(np.nanmean(np.nanmean(gaps, 1))),
        "mse": mse,
        "psnr": metrics.psnr(mse),
        "mse_to_truth": float(np.mean(to_truth)) if to_truth else None,
        "by_do": {f"do({name})": row for name, row in zip(bench.model.graph.names, by_do, strict=True)},
    }


def pareto(rows: Sequence[dict]) -> list[bool]:
    """Which rows no other one beats in cells, mse and evaluations at once."""
    costs = np.array([[row["cells"], row["mse"], row["evaluations"]] for row in rows])
    return [not ((costs <= row).all(1) & (costs < row).any(1)).any() for row in costs]


def choose(rows: Sequence[dict], max_evaluations: int, min_psnr: float) -> dict | None:
    """The row of the lowest error over all cells with at most max_evaluations and at least min_psnr (dB), or None.

    Of rows that are equal to the table's three digits the one nearest to the truth in pixels, then the cheapest.
    """
    allowed = [row for row in rows if row["evaluations"] <= max_evaluations and row["psnr"] >= min_psnr]
    ranks = [(round(row["cells"], 3), row["mse_to_truth"] or 0, row["evaluations"]) for row in allowed]
    return allowed[ranks.index(min(ranks))] if allowed else None


def table(rows: Sequence[dict], chosen: dict | None, num_images: int) -> str:
    """The points as Markdown; the Pareto ones are marked, the chosen one is bold."""
    header = ["", "evaluations", "set variable, sd", "non-descendants, sd", "all cells, sd", "pixel MSE to the truth"]
    header += ["null intervention, PSNR", "Pareto"]
    cells = []
    for row, best in zip(rows, pareto(rows), strict=True):
        name = f"**{row['name']}**" if row is chosen else row["name"]
        errors = [if_known(row[kind]) for kind in ("intervened", "non_descendants", "cells")]
        errors += [if_known(row["mse_to_truth"], 5), f"{row['psnr']:.1f} dB"]
        cells.append([name, str(row["evaluations"]), *errors, "yes" if best else ""])
    lines = [*markdown_table(header, cells), "", f"{num_images} validation images."]
    return "\n".join(lines) + "\n"


def frontier(
    directory: str | pathlib.Path, tried: Sequence[Sampling], num_images: int, max_evaluations: int, min_psnr: float
) -> list[dict]:
    """Measures the points of a workdir's model on its first validation images, writes frontier.json, .md and .png, and
    makes the best one (`choose`) its default; without one the config's options hold. Raises InputError for no trained
    workdir, a conv decoder, an option that cannot work, or too few validation images."""
    directory = expanded(directory)
    model = load(directory)
    if not model.model.decoder.diffuses:
        raise InputError(f"the model in {directory} has a conv decoder, which has no solver")
    tried = possible(model, tried)
    dataset = dataset_of(model, directory)
    validation = first_of(validation_of(dataset, directory, MIN_IMAGES), num_images)
    bench = Bench(dataset, model, validation, directory)
    found = []
    for point in tqdm(tried, "points"):
        asked = {"name": name_of(point), **dataclasses.asdict(point), "evaluations": point.evaluations}
        found.append(asked | measure_point(bench, point))
    chosen = choose(found, max_evaluations, min_psnr)
    if chosen is None:
        workdir.drop_defaults(directory)
    else:
        limits = f"with at most {max_evaluations} evaluations and {min_psnr:g} dB"
        why = f"lowest mean error of {len(found)} points {limits}, on {len(validation)} validation images"
        workdir.write_defaults(directory, restoring(model, sampling_of(chosen)), why)
    stored = {"num_images": len(validation), "points": found, "chosen": chosen and chosen["name"]}
    write_whole(directory / "frontier.json", json.dumps(stored, indent=2) + "\n")
    write_whole(directory / "frontier.md", table(found, chosen, len(validation)))
    scatter_frontier(directory / "frontier.png", found, pareto(found), chosen, f"{dataset.name}: identity and effect")
    return found
