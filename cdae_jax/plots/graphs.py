"""Pictures of causal graphs."""

import pathlib

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from cdae_jax.graph import CausalGraph
from cdae_jax.plots.fonts import Figure


def graph_with_curves(
    path: pathlib.Path, nodes: dict[str, str], edges: dict[tuple[str, str], tuple], title: str
) -> None:
    """A causal graph as PNG: variables on the diagonal, causes before effects, and each edge's curves where the row of
    the cause meets the column of the effect.

    Args:
      nodes: name -> the text of its box, in topological order.
      edges: (parent, child) -> x [M] and a list of (y [M], style, label), as in `curves`.
    """
    names, num = list(nodes), len(nodes)
    figure = Figure(figsize=(2.7 * num + 0.3, 2.3 * num + 0.5), layout="constrained")
    axes = figure.subplots(num, num, squeeze=False)
    box = {"boxstyle": "round,pad=0.6", "facecolor": "0.93", "edgecolor": "0.3"}
    for i, parent in enumerate(names):
        for j, child in enumerate(names):
            axis = axes[i, j]
            if i == j:
                axis.set_zorder(-1)  # its arrows pass behind the curves
                axis.text(0.5, 0.5, nodes[parent].replace(", ", "\n"), ha="center", va="center", bbox=box, fontsize=11)
            if (parent, child) not in edges:
                axis.set_axis_off()
                continue
            x, found = edges[parent, child]
            for y, style, label in found:
                axis.plot(x, y, style, label=label)
            axis.tick_params(labelsize=7)
            axis.set_title(f"{parent} \u2192 {child}", fontsize=9, loc="left")
            arrow = {"arrowstyle": "->", "color": "0.55", "linewidth": 1.2}
            to_curves, to_node = {"arrowprops": arrow}, {"arrowprops": arrow}
            to_curves |= {"xycoords": axis.transAxes, "textcoords": axes[i, i].transAxes}
            axes[i, i].annotate("", (-0.15, 0.5), (0.75, 0.5), **to_curves)
            to_node |= {"xycoords": axes[j, j].transAxes, "textcoords": axis.transAxes}
            axes[j, j].annotate("", (0.5, 0.72), (0.5, -0.12), **to_node)
    if edges:
        handles, labels = axes[tuple(names.index(name) for name in next(iter(edges)))].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower left", fontsize=9)
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=100)


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
    depth: dict[str, int] = {}
    for i in graph.order:
        depth[graph.names[i]] = 1 + max((depth[graph.names[p]] for p in graph.parents[i]), default=-1)
    rows = [[name for name in graph.names if depth[name] == level] for level in range(max(depth.values()) + 1)]
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
    for i, child in enumerate(graph.names):
        for p in graph.parents[i]:
            cut = child in intervened
            arrow = {
                "arrowstyle": "->",
                "color": "#d62728" if cut else "0.4",
                "linewidth": 1.4,
                "shrinkA": 36,
                "shrinkB": 36,
            }
            arrow["linestyle"] = ":" if cut else "-"
            axis.annotate("", place[child], place[graph.names[p]], arrowprops=arrow)
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
