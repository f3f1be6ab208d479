"""Pictures of an evaluation: counterfactuals of each intervention, and what a model believes."""

import pathlib

import numpy as np

from cdae_jax.evaluation.bench import Bench
from cdae_jax.evaluation.interventions import Measured, labels_under
from cdae_jax.graph import as_file_name
from cdae_jax.plots.graphs import graph_with_curves
from cdae_jax.plots.pictures import asked_and_read, counterfactual_grid, image_grid, image_table

GRID_COLUMNS = 8
NUM_VALUES = 7  # of a traversal
NUM_CURVE = 40


def with_unit(name: str, unit: str) -> str:
    return f"{name}, {unit}" if unit else name


def draw_do(bench: Bench, name: str, found: Measured) -> None:
    """do(name) on some test images, do_<name>.png, and the values asked for against those read, asked_<name>.png."""
    column = bench.dataset.graph.index(name)
    unit = bench.dataset.graph.variables[column].unit
    rows = [("factual", bench.test.images), ("counterfactual", found.images)]
    if found.true_images is not None:
        rows.append(("true counterfactual", found.true_images))
    told = bench.told(name)
    before = ["unlabelled" if np.isnan(old) else told(old) for old in bench.test.labels[:GRID_COLUMNS, column]]
    captions = [f"{name}\n{old} to {told(new)}" for old, new in zip(before, found.values, strict=False)]
    rows = [(title, images[:GRID_COLUMNS]) for title, images in rows]
    title = with_unit(f"{bench.dataset.name}: do({name})", unit)
    counterfactual_grid(bench.figures / f"do_{as_file_name(name)}.png", rows, captions, title)
    asked_and_read(bench.figures / f"asked_{as_file_name(name)}.png", found.values, found.read[:, column], name, unit)


def _range(bench: Bench, name: str, num: int) -> np.ndarray:
    """Values of a variable from its 2nd to its 98th percentile in the test labels; its classes if it has some."""
    i = bench.dataset.graph.index(name)
    classes = bench.dataset.graph.variables[i].classes
    if classes:
        return np.arange(float(classes))
    low, high = np.nanpercentile(bench.test.labels[:, i], [2, 98])
    return np.linspace(low, high, num)


def draw_traversals(bench: Bench) -> str:
    """One test image with each variable in turn set from low to high; returns the file's name."""
    rows = []
    one = bench.test.take(slice(0, 1))
    for name in bench.model.graph.names:
        values = _range(bench, name, NUM_VALUES)
        images = np.repeat(one.images, len(values), 0)
        context = None if one.context is None else np.repeat(one.context, len(values))
        made, _ = bench.counterfactual(images, {name: values}, context)
        texts = ["factual", *map(bench.told(name), values)]
        unit = bench.dataset.graph.variables[bench.dataset.graph.index(name)].unit
        rows.append((f"do({with_unit(name, unit)})", np.concatenate([one.images, made]), texts))
    image_table(bench.figures / "traversals.png", rows, f"{bench.dataset.name}: one image, each variable in turn")
    return "traversals.png"


def draw_low_and_high(bench: Bench) -> list[pathlib.Path]:
    """Some test images under a low and a high value of each variable, or under each of its classes, in
    low_and_high_<variable>.png; returns the files."""
    few, paths = bench.test.take(slice(0, GRID_COLUMNS)), []
    for name in bench.model.graph.names:
        column, rows = bench.dataset.graph.index(name), [("factual", few.images)]
        told = bench.told(name)
        for value in _range(bench, name, 2):
            made, _ = bench.counterfactual(few.images, {name: value}, few.context)
            rows.append((f"do({told(value)})", made))
        captions = ["unlabelled" if np.isnan(old) else told(old) for old in few.labels[:, column]]
        paths.append(bench.figures / f"low_and_high_{as_file_name(name)}.png")
        unit = bench.dataset.graph.variables[column].unit
        image_grid(paths[-1], rows, captions, f"{bench.dataset.name}: do({with_unit(name, unit)})")
    return paths


def draw_mechanisms(bench: Bench) -> str:
    """The graph, and on every edge what the model holds of the child as the parent is set, for one image, beside the
    truth where it is known; returns the file's name."""
    dataset, model, graph = bench.dataset, bench.model, bench.dataset.graph
    one = bench.test.take(slice(0, 1))
    panels = {}
    for var in model.graph.variables:
        for parent in var.parents:
            values = _range(bench, parent, NUM_CURVE)
            believed = model.predict(np.repeat(one.images, len(values), 0), model.graph.spelled({parent: values}))
            lines = [(believed[:, model.graph.index(var.name)], "-", "model")]
            if dataset.true_counterfactual is not None:
                true = labels_under(dataset, np.repeat(one.labels, len(values), 0), {parent: values})
                lines.append((true[:, graph.index(var.name)], "--", "true"))
            panels[parent, var.name] = (values, lines)
    units = {var.name: var.unit for var in graph.variables}
    nodes = {name: with_unit(name, units[name]) for name in (model.graph.names[i] for i in model.graph.order)}
    title = f"{dataset.name}: the graph, and the effect of each parent for one test image"
    graph_with_curves(bench.figures / "mechanisms.png", nodes, panels, title)
    return "mechanisms.png"


def draw_beliefs(bench: Bench) -> dict:
    """Draws what the model believes; returns the files' names."""
    return {"files": [draw_traversals(bench), draw_mechanisms(bench)]}
