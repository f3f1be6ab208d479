"""Pictures of an evaluation: counterfactuals of each intervention, and what a model believes."""

import pathlib

import numpy as np

from cdae_jax.data.dataset import Split
from cdae_jax.data.pipeline import label_columns
from cdae_jax.evaluation.bench import Bench
from cdae_jax.evaluation.interventions import Measured, labels_under
from cdae_jax.evaluation.mechanism_fit import fit_of
from cdae_jax.graph import CausalGraph, as_file_name
from cdae_jax.plots.graphs import graph_with_curves
from cdae_jax.plots.mechanisms import Effect, mechanism_fits
from cdae_jax.plots.pictures import asked_and_read, counterfactual_grid, image_grid, image_table

GRID_COLUMNS = 8
NUM_VALUES = 7  # of a traversal
NUM_CURVE = 40
NUM_LABELS = 5_000  # under the fits of mechanisms


def with_unit(text: str, graph: CausalGraph, name: str) -> str:
    """A text about a variable, and its unit if it has one."""
    unit = graph.variables[graph.index(name)].unit
    return f"{text}, {unit}" if unit else text


def draw_do(bench: Bench, name: str, found: Measured) -> None:
    """do(name) on some test images, do_<name>.png, and the values asked for against those read, asked_<name>.png."""
    graph, told = bench.dataset.graph, bench.told(name)
    column = graph.index(name)
    rows = {"factual": bench.test.images, "counterfactual": found.images, "true counterfactual": found.true_images}
    rows = [(title, images[:GRID_COLUMNS]) for title, images in rows.items() if images is not None]
    before = ["unlabelled" if np.isnan(old) else told(old) for old in bench.test.labels[:GRID_COLUMNS, column]]
    captions = [f"{name}\n{old} to {told(new)}" for old, new in zip(before, found.values, strict=False)]
    title = with_unit(f"{bench.dataset.name}: do({name})", graph, name)
    counterfactual_grid(bench.figures / f"do_{as_file_name(name)}.png", rows, captions, title)
    read, unit = found.read[:, column], graph.variables[column].unit
    asked_and_read(bench.figures / f"asked_{as_file_name(name)}.png", found.values, read, name, unit)


def _across(bench: Bench, name: str, num: int) -> tuple[np.ndarray, Split]:
    """Values of a variable from its 2nd to its 98th percentile in the test labels (its classes if it has some), and the
    first test image as often."""
    i = bench.dataset.graph.index(name)
    low, high = np.nanpercentile(bench.test.labels[:, i], [2, 98])
    classes = bench.dataset.graph.variables[i].classes
    values = np.arange(float(classes)) if classes else np.linspace(low, high, num)
    return values, bench.test.take(np.zeros(len(values), int))


def draw_traversals(bench: Bench) -> str:
    """One test image with each variable in turn set from low to high; returns the file's name."""
    rows = []
    for name in bench.model.graph.names:
        values, one = _across(bench, name, NUM_VALUES)
        made, _ = bench.counterfactual(one.images, {name: values}, one.context)
        texts = ["factual", *map(bench.told(name), values)]
        title = f"do({with_unit(name, bench.dataset.graph, name)})"
        rows.append((title, np.concatenate([one.images[:1], made]), texts))
    image_table(bench.figures / "traversals.png", rows, f"{bench.dataset.name}: one image, each variable in turn")
    return "traversals.png"


def draw_low_and_high(bench: Bench) -> list[pathlib.Path]:
    """Some test images under a low and a high value of each variable, or under each of its classes, in
    low_and_high_<variable>.png; returns the files."""
    few, graph, paths = bench.test.take(slice(0, GRID_COLUMNS)), bench.dataset.graph, []
    for name in bench.model.graph.names:
        told, rows = bench.told(name), [("factual", few.images)]
        for value in _across(bench, name, 2)[0]:
            made, _ = bench.counterfactual(few.images, {name: value}, few.context)
            rows.append((f"do({told(value)})", made))
        captions = ["unlabelled" if np.isnan(old) else told(old) for old in few.labels[:, graph.index(name)]]
        paths.append(bench.figures / f"low_and_high_{as_file_name(name)}.png")
        image_grid(paths[-1], rows, captions, with_unit(f"{bench.dataset.name}: do({name})", graph, name))
    return paths


def draw_mechanisms(bench: Bench) -> str:
    """The graph, and on every edge what the model holds of the child as the parent is set, for one image, beside the
    truth where it is known; returns the file's name."""
    dataset, model, graph = bench.dataset, bench.model, bench.dataset.graph
    panels = {}
    for var in model.graph.variables:
        for parent in var.parents:
            values, one = _across(bench, parent, NUM_CURVE)
            believed = model.predict(one.images, model.graph.spelled({parent: values}))
            lines = [(believed[:, model.graph.index(var.name)], "-", "model")]
            if dataset.true_counterfactual is not None:
                true = labels_under(dataset, one.labels, {parent: values})
                lines.append((true[:, graph.index(var.name)], "--", "true"))
            panels[parent, var.name] = (values, lines)
    nodes = {name: with_unit(name, graph, name) for name in (model.graph.names[i] for i in model.graph.order)}
    title = f"{dataset.name}: the graph, and the effect of each parent for one test image"
    graph_with_curves(bench.figures / "mechanisms.png", nodes, panels, title)
    return "mechanisms.png"


def draw_fits(bench: Bench) -> str:
    """The mechanisms over the training labels that they were fitted to, and the noise that these imply; returns the
    file's name."""
    model, split, effects = bench.model, bench.dataset.train, {}
    rows = np.random.default_rng(bench.seed).permutation(len(split))[:NUM_LABELS]
    columns = label_columns(bench.dataset, model.graph)
    y = model.stats.standardise(np.where(split.was_set, np.nan, split.labels)[rows][:, columns])
    fit = fit_of(model.network, y)
    labels, drawn = model.stats.physical(y), model.stats.physical(fit.drawn)
    for i, var in enumerate(model.graph.variables):
        known = np.isfinite(fit.drawn[:, i])
        if var.parents and known.any():
            causes = {
                with_unit(parent, model.graph, parent): labels[known, model.graph.index(parent)]
                for parent in var.parents
            }
            kind = var.mechanism or model.model.mechanism
            u = None if i in model.graph.class_effects else fit.u[known, i]
            effects[var.name] = Effect(labels[known, i], drawn[known, i], causes, u, kind, var.unit)
    mechanism_fits(bench.figures / "mechanism_fits.png", effects, f"{bench.dataset.name}: labels and mechanisms")
    return "mechanism_fits.png"


def draw_beliefs(bench: Bench) -> dict:
    """Draws what the model believes; returns the files' names."""
    files = [draw_traversals(bench), draw_mechanisms(bench)]
    has_mechanisms = any(bench.model.graph.parents) and bench.model.readout is None
    return {"files": files + [draw_fits(bench)] * has_mechanisms}
