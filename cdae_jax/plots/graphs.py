"""Pictures of causal graphs."""

import itertools
import pathlib
import textwrap

import networkx as nx
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from cdae_jax.errors import InputError
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


def _laid_out(graph: CausalGraph) -> tuple[nx.DiGraph, list[list[str]], dict[str, tuple[float, float]]]:
    """Edges from causes to effects, names in rows with causes above their effects, and where each stands in the unit
    square."""
    effects = nx.from_dict_of_lists({var.name: var.parents for var in graph.variables}, nx.DiGraph).reverse()
    rows = [sorted(level, key=graph.names.index) for level in nx.topological_generations(effects)]
    place = {
        name: ((j + 0.5 + 0.15 * (level % 2)) / (len(row) + 0.15), 1 - (level + 0.5) / len(rows))
        for level, row in enumerate(rows)
        for j, name in enumerate(row)
    }
    return effects, rows, place


def _bend(start: np.ndarray, end: np.ndarray, patches: list) -> float:
    """The curvature, as Matplotlib's arc3 takes it, of a curve from one point to another that passes by the patches."""
    t, (dx, dy) = np.linspace(0, 1, 50)[:, None], end - start
    for bend in (0, 0.15, -0.15, 0.3, -0.3, 0.45, -0.45):
        control = (start + end) / 2 + bend * np.array([dy, -dx])
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end
        if not any(patch.get_window_extent().padded(5).count_contains(curve) for patch in patches):
            return bend
    return 0.3


def draw_graph(path: pathlib.Path, graph: CausalGraph) -> None:
    """The causal graph as PNG, causes above their effects; long names are broken into lines. Raises InputError if the
    file cannot be written."""
    effects, rows, place = _laid_out(graph)
    shown = {var.name: textwrap.wrap(var.name, 18) + [var.unit] * bool(var.unit) for var in graph.variables}
    longest = max(len(line) for lines in shown.values() for line in lines)
    size = max(map(len, rows)) * (0.6 + 0.13 * longest) + 0.6, len(rows) * (0.8 + 0.2 * max(map(len, shown.values())))
    figure = Figure(figsize=size, dpi=110)
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, 1), ylim=(0, 1))
    axis.set_axis_off()
    style = {"boxstyle": "round,pad=0.5", "facecolor": "0.93", "edgecolor": "0.3"}
    box = {
        name: axis.text(*place[name], "\n".join(lines), ha="center", va="center", bbox=style)
        for name, lines in shown.items()
    }
    figure.draw_without_rendering()  # the boxes get their sizes
    patches = {name: text.get_bbox_patch() for name, text in box.items()}
    for cause, effect in effects.edges:
        between = [patch for name, patch in patches.items() if name not in (cause, effect)]
        bend = _bend(*axis.transData.transform([place[cause], place[effect]]), between)
        arrow = {"arrowstyle": "-|>", "color": "0.3", "mutation_scale": 14, "shrinkA": 1, "shrinkB": 2}
        arrow |= {"patchA": patches[cause], "patchB": patches[effect], "connectionstyle": f"arc3,rad={bend}"}
        axis.annotate("", place[effect], place[cause], arrowprops=arrow, zorder=2)
    try:
        figure.savefig(path)
    except OSError as err:
        raise InputError(f"{path} cannot be written ({err.strerror}): see that there is space for it") from err


def graph_of_values(graph: CausalGraph, before: np.ndarray, after: np.ndarray, intervened: set[str]) -> np.ndarray:
    """A causal graph with each variable's value before and after do(intervened), as pixels [H, W, 3] uint8.

    Causes stand above their effects; an intervened variable is dark and cut from its parents, what changed is bold.
    Values [n] are physical.
    """
    effects, rows, place = _laid_out(graph)
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
