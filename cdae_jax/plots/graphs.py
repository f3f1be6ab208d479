"""Pictures of causal graphs."""

import itertools
import pathlib

import networkx as nx
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from cdae_jax.graph import CausalGraph
from cdae_jax.plots.fonts import Figure
from cdae_jax.plots.pictures import picture


def graph_with_curves(path: pathlib.Path, nodes: dict[str, str], edges: dict[tuple, tuple], title: str) -> None:
    """A causal graph as PNG: variables on the diagonal, causes before effects, and each edge's curves where the row of
    the cause meets the column of the effect.

    Nodes are name -> the text of its box, in topological order; edges (parent, child) -> x [M] and a list of (y [M],
    style, label), as in `curves`.
    """
    names, num = list(nodes), len(nodes)
    box = {"boxstyle": "round,pad=0.6", "facecolor": "0.93", "edgecolor": "0.3"}
    arrow = {"arrowprops": {"arrowstyle": "->", "color": "0.55", "linewidth": 1.2}}
    with picture(path, (2.7 * num + 0.3, 2.3 * num + 0.5), title, (num, num), dpi=100) as axes:
        for i, name in enumerate(names):
            axes[i, i].set_zorder(-1)  # its arrows pass behind the curves
            text = nodes[name].replace(", ", "\n")
            axes[i, i].text(0.5, 0.5, text, ha="center", va="center", bbox=box, fontsize=11)
        for (i, parent), (j, child) in itertools.product(enumerate(names), repeat=2):
            axis, cause, effect = axes[i, j], axes[i, i], axes[j, j]
            if (parent, child) not in edges:
                axis.set_axis_off()
                continue
            x, found = edges[parent, child]
            for y, style, label in found:
                axis.plot(x, y, style, label=label)
            axis.tick_params(labelsize=7)
            axis.set_title(f"{parent} \u2192 {child}", fontsize=9, loc="left")
            here, there = axis.transAxes, effect.transAxes
            cause.annotate("", (-0.15, 0.5), (0.75, 0.5), xycoords=here, textcoords=cause.transAxes, **arrow)
            effect.annotate("", (0.5, 0.72), (0.5, -0.12), xycoords=there, textcoords=here, **arrow)
        if edges:
            handles, labels = axes[tuple(map(names.index, next(iter(edges))))].get_legend_handles_labels()
            axes[0, 0].figure.legend(handles, labels, loc="lower left", fontsize=9)


def rgb_of(figure: Figure) -> np.ndarray:
    """A figure as pixels [H, W, 3] uint8."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def graph_of_values(graph: CausalGraph, before: np.ndarray, after: np.ndarray, intervened: set[str]) -> np.ndarray:
    """A causal graph with each variable's value before and after do(intervened), as pixels [H, W, 3] uint8.

    Causes stand above their effects; an intervened variable is dark and cut from its parents, what changed is bold.
    Values [n] are physical.
    """
    effects = nx.from_dict_of_lists({var.name: var.parents for var in graph.variables}, nx.DiGraph).reverse()
    rows = [sorted(level, key=graph.names.index) for level in nx.topological_generations(effects)]
    place = {
        name: ((j + 0.5 + 0.15 * (level % 2)) / (len(row) + 0.15), 1 - (level + 0.5) / len(rows))
        for level, row in enumerate(rows)
        for j, name in enumerate(row)
    }
    figure = Figure(figsize=(5.2, 1.5 * len(rows) + 0.3), layout="constrained")
    axis = figure.subplots()
    axis.set_axis_off()
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    for cause, effect in effects.edges:
        look = {"color": "#d62728", "linestyle": ":"} if effect in intervened else {"color": "0.4", "linestyle": "-"}
        arrow = {"arrowstyle": "->", "linewidth": 1.4, "shrinkA": 36, "shrinkB": 36} | look
        axis.annotate("", place[effect], place[cause], arrowprops=arrow)
    for i, name in enumerate(graph.names):
        var = graph.variables[i]
        old, new = (var.spell(label) if var.classes else f"{label:.3g}" for label in (before[i], after[i]))
        moved = old != new
        value = f"{old} \u2192 {new}" if moved else new
        is_set = name in intervened
        axis.text(
            *place[name],
            f"{f'do({name})' if is_set else name}\n{value} {var.unit}".rstrip(),
            ha="center",
            va="center",
            fontsize=10,
            fontweight="bold" if moved else "normal",
            color="white" if is_set else "black",
            bbox={"boxstyle": "round,pad=0.5", "facecolor": "#1f4e79" if is_set else "0.93", "edgecolor": "0.3"},
        )
    return rgb_of(figure)
