"""Pictures of what a model believes: traversals of every variable, and its graph with the mechanisms on it."""

import numpy as np

from cdae_jax.evaluation.interventions import Bench
from cdae_jax.plots.graphs import graph_with_curves
from cdae_jax.plots.pictures import image_table

NUM_VALUES = 7  # of a traversal
NUM_CURVE = 40


def _range(bench: Bench, name: str, num: int) -> np.ndarray:
    """Values of a variable from its 2nd to its 98th percentile in the test labels; its classes if it has some."""
    i = bench.dataset.graph.index(name)
    column = bench.test.labels[:, i]
    classes = bench.dataset.graph.variables[i].classes
    if classes:
        return np.arange(classes, dtype=np.float32)
    low, high = np.nanpercentile(column, [2, 98])
    return np.linspace(low, high, num, dtype=np.float32)


def _named(name: str, unit: str) -> str:
    return f"{name}, {unit}" if unit else name


def traversals(bench: Bench) -> str:
    """One test image with each variable in turn set from low to high; returns the file's name."""
    rows = []
    one = bench.test.take(slice(0, 1))
    for name in bench.model.graph.names:
        values = _range(bench, name, NUM_VALUES)
        images = np.repeat(one.images, len(values), 0)
        context = None if one.context is None else np.repeat(one.context, len(values))
        made, _ = bench.counterfactual(images, {name: values}, context)
        texts = ["factual", *(f"{value:.3g}" for value in values)]
        unit = bench.dataset.graph.variables[bench.dataset.graph.index(name)].unit
        rows.append((f"do({_named(name, unit)})", np.concatenate([one.images, made]), texts))
    image_table(bench.figures / "traversals.png", rows, f"{bench.dataset.name}: one image, each variable in turn")
    return "traversals.png"


def mechanisms(bench: Bench) -> str:
    """The graph, and on every edge what the model holds of the child as the parent is set, for one image, beside the
    truth where it is known; returns the file's name."""
    dataset, model, graph = bench.dataset, bench.model, bench.dataset.graph
    one = bench.test.take(slice(0, 1))
    panels = {}
    for var in model.graph.variables:
        for parent in var.parents:
            values = _range(bench, parent, NUM_CURVE)
            believed = model.predict(np.repeat(one.images, len(values), 0), {parent: values})
            lines = [(believed[:, model.graph.index(var.name)], "-", "model")]
            if dataset.true_counterfactual is not None:
                labels = np.repeat(one.labels, len(values), 0)
                mask, wanted = np.zeros(labels.shape, bool), np.zeros_like(labels)
                mask[:, graph.index(parent)], wanted[:, graph.index(parent)] = True, values
                true = dataset.true_counterfactual(labels, mask, wanted)[:, graph.index(var.name)]
                lines.append((true, "--", "true"))
            panels[parent, var.name] = (values, lines)
    names = [model.graph.names[i] for i in model.graph.order]
    labels = {var.name: _named(var.name, var.unit) for var in graph.variables}
    title = f"{dataset.name}: the graph, and the effect of each parent for one test image"
    graph_with_curves(bench.figures / "mechanisms.png", {name: labels[name] for name in names}, panels, title)
    return "mechanisms.png"


def figures(bench: Bench) -> dict:
    """Draws all of them; returns the files' names."""
    return {"files": [traversals(bench), mechanisms(bench)]}
