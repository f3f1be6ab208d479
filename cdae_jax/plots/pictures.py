"""Pictures for people."""

import pathlib
import textwrap

import numpy as np
from matplotlib.axes import Axes

from cdae_jax.data.dataset import Split
from cdae_jax.data.labels import shown
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.plots.fonts import Figure

CAPTION = 20  # letters that fit above an image of `image_table`


def signed_difference(images: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Signed difference of two uint8 batches as uint8 around mid-grey."""
    return ((images.astype(np.int16) - reference.astype(np.int16)) // 2 + 128).astype(np.uint8)


def show_tiled(axis: Axes, rows: list[np.ndarray], gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Shows rows of images [M, H, W, C] uint8 as one picture, which draws much faster than an axis for each.

    gap: white space between neighbours, as a fraction of an image's side. Returns the centres of the columns and those
    of the rows, on the axis.
    """
    height, width, channels = rows[0].shape[1:]
    space = round(gap * height) + 1
    num = max(map(len, rows))
    sheet = np.full((len(rows) * (height + space), num * (width + space), channels), 255, np.uint8)
    for i, images in enumerate(rows):
        for j, image in enumerate(images):
            top, left = i * (height + space) + space, j * (width + space)
            sheet[top : top + height, left : left + width] = image
    axis.imshow(sheet.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.set_frame_on(False)
    axis.tick_params(length=0)
    middle_x, middle_y = (width - 1) / 2, space + (height - 1) / 2
    return middle_x + np.arange(num) * (width + space), middle_y + np.arange(len(rows)) * (height + space)


def image_grid(path: pathlib.Path, rows: list[tuple[str, np.ndarray]], captions: list[str], title: str) -> None:
    """A labelled grid as PNG.

    Args:
      rows: name and images [N, H, W, C] uint8 of each row.
      captions: N texts above the columns.
      title: above all.
    """
    num = len(captions)
    figure = Figure(figsize=(1.3 * num + 1.2, 1.3 * len(rows) + 1.1), layout="constrained")
    axis = figure.subplots()
    x, y = show_tiled(axis, [images[:num] for _, images in rows], gap=0.06)
    axis.xaxis.tick_top()
    axis.set_xticks(x, captions, fontsize=8)
    axis.set_yticks(y, [name.replace(" ", "\n") for name, _ in rows], fontsize=9, rotation=90, va="center", ma="center")
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=110)


def counterfactual_grid(
    path: pathlib.Path, rows: list[tuple[str, np.ndarray]], captions: list[str], title: str
) -> None:
    """An `image_grid` whose first row is factual and the second counterfactual, with their difference (grey: no change)
    as its last row."""
    image_grid(path, [*rows, ("difference to factual", signed_difference(rows[1][1], rows[0][1]))], captions, title)


def contact_sheet(path: pathlib.Path, split: Split, graph: CausalGraph, title: str) -> None:
    """Up to 40 images with their labels in physical units or words, as PNG; the graph has the label columns' order."""
    ends = np.fmin.reduce(split.labels), np.fmax.reduce(split.labels)

    def told(var: Variable, label: float, low: float, high: float) -> str:
        if np.isnan(label):
            return "unlabelled"
        return var.spell(label) if var.classes else shown(label, low, high, digits=3)

    num = min(len(split), 40)
    figure = Figure(figsize=(13, 1.9 * -(-num // 8) + 0.6), layout="constrained")
    axes = figure.subplots(-(-num // 8), 8, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, image, labels in zip(axes.flat, split.images, split.labels, strict=False):
        axis.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        columns = zip(graph.variables, labels, *ends, strict=True)
        axis.set_title("\n".join(f"{column[0].name} {told(*column)}" for column in columns), fontsize=7)
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=100)


def asked_and_read(path: pathlib.Path, asked: np.ndarray, read: np.ndarray, name: str, unit: str) -> None:
    """Values asked for in do(name) [N] against those read from the counterfactual images [N], as PNG."""
    figure = Figure(figsize=(4.2, 4), layout="constrained")
    axis = figure.subplots()
    ends = [np.nanmin([asked, read]), np.nanmax([asked, read])]
    axis.plot(ends, ends, color="0.7", linewidth=1)
    axis.scatter(asked, read, s=6, alpha=0.5)
    suffix = f", {unit}" if unit else ""
    axis.set_xlabel(f"{name} asked for{suffix}")
    axis.set_ylabel(f"{name} read from the image{suffix}")
    axis.set_title(f"do({name})", fontsize=11)
    figure.savefig(path, dpi=110)


def importance_matrix(path: pathlib.Path, importance: np.ndarray, names: tuple[str, ...]) -> None:
    """Importance [n, n] of each latent block (rows) for each label (columns), as PNG."""
    figure = Figure(figsize=(1.1 * len(names) + 2, 0.9 * len(names) + 1.4), layout="constrained")
    axis = figure.subplots()
    axis.imshow(importance, cmap="Blues", vmin=0, vmax=1)
    axis.set_xticks(range(len(names)), names, rotation=30)
    axis.set_yticks(range(len(names)), [f"z of {name}" for name in names])
    for i, row in enumerate(importance):
        for j, value in enumerate(row):
            axis.text(j, i, f"{value:.2f}", ha="center", va="center", color="white" if value > 0.5 else "black")
    axis.set_title("importance for reading the label (columns sum to 1)", fontsize=10)
    figure.savefig(path, dpi=110)


def image_table(path: pathlib.Path, rows: list[tuple[str, np.ndarray, list[str]]], title: str) -> None:
    """Rows of images as PNG: each a name, images [M, H, W, C] uint8 and a text above each image."""
    num = max(len(images) for _, images, _ in rows)
    captions = [[textwrap.fill(text, CAPTION) for text in texts] for _, _, texts in rows]
    more = max(text.count("\n") for texts in captions for text in texts)  # lines above images beyond the first
    figure = Figure(figsize=(1.3 * num + 1.2, (1.55 + 0.15 * more) * len(rows) + 0.5), layout="constrained")
    axis = figure.subplots()
    x, y = show_tiled(axis, [images for _, images, _ in rows], gap=0.25 + 0.12 * more)
    axis.set_xticks([])
    axis.set_yticks(
        y, [name.replace(" ", "\n") for name, _, _ in rows], fontsize=9, rotation=90, va="center", ma="center"
    )
    half = 0.56 * rows[0][1].shape[1]
    for texts, middle in zip(captions, y, strict=True):
        for column, text in zip(x, texts, strict=False):
            axis.text(column, middle - half, text, fontsize=8, ha="center", va="bottom")
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=110)


def curves(path: pathlib.Path, panels: list[dict], title: str) -> None:
    """Line plots as PNG. Each panel: "x" [M] and "x_label", "y_label", and "lines", a list of (y [M], style, label)."""
    columns = min(3, len(panels))
    shape = (-(-len(panels) // columns), columns)
    figure = Figure(figsize=(4.2 * shape[1], 3.4 * shape[0] + 0.4), layout="constrained")
    axes = figure.subplots(*shape, squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis, panel in zip(axes.flat, panels, strict=False):
        for y, style, label in panel["lines"]:
            axis.plot(panel["x"], y, style, label=label)
        axis.set_xlabel(panel["x_label"])
        axis.set_ylabel(panel["y_label"])
        axis.legend(fontsize=8)
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=110)


def seed_bands(path: pathlib.Path, errors: dict[str, list[float]]) -> None:
    """Errors by setting, one point for each seed and a band from the lowest to the highest, as PNG."""
    figure = Figure(figsize=(7, 0.45 * len(errors) + 1.4), layout="constrained")
    axis = figure.subplots()
    for i, values in enumerate(errors.values()):
        axis.plot([min(values), max(values)], [i, i], color="C0", linewidth=6, alpha=0.3, solid_capstyle="round")
        axis.plot(values, [i] * len(values), "o", color="C0", markersize=4)
    axis.set_yticks(range(len(errors)), list(errors), fontsize=8)
    axis.invert_yaxis()
    axis.set_xlabel("mean error over all interventions and variables, training sd")
    axis.locator_params(axis="x", nbins=5)  # narrow ranges have long labels
    figure.savefig(path, dpi=110)


def sweep_lines(path: pathlib.Path, panels: dict[str, dict[str, dict[float, list[float]]]], axis_label: str) -> None:
    """Results against one setting as PNG: each panel holds lines, each line the values of all seeds by x; the band is
    from the lowest seed to the highest. The x axis is logarithmic if the values span a factor of 20."""
    figure = Figure(figsize=(5.2 * len(panels), 4), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)
    for axis, (measure, found) in zip(axes[0], panels.items(), strict=True):
        for k, (name, points) in enumerate(found.items()):
            x = sorted(points)
            axis.plot(x, [np.mean(points[value]) for value in x], "o-", color=f"C{k}", label=name, markersize=4)
            low, high = ([end(points[value]) for value in x] for end in (min, max))
            axis.fill_between(x, low, high, color=f"C{k}", alpha=0.2)
        every = [value for points in found.values() for value in points]
        if min(every) > 0 and max(every) >= 20 * min(every):
            axis.set_xscale("log")
        axis.set_xlabel(axis_label)
        axis.set_ylabel(measure)
        axis.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def scatter_frontier(path: pathlib.Path, rows: list[dict], best: list[bool], chosen: dict | None, title: str) -> None:
    """Points of `frontier` as PNG: error against what the null intervention loses, and against evaluations.

    Pareto points are filled, the chosen one is circled; colours are solvers, sizes grow with the evaluations.
    """
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    axes = figure.subplots(1, 2)
    solvers = list(dict.fromkeys(row["solver"] for row in rows))
    for axis, measure, label in (
        (axes[0], "psnr", "null intervention, PSNR (dB)"),
        (axes[1], "evaluations", "network evaluations an image"),
    ):
        for k, solver in enumerate(solvers):
            mine = [i for i, row in enumerate(rows) if row["solver"] == solver]
            axis.scatter(
                [rows[i][measure] for i in mine],
                [rows[i]["cells"] for i in mine],
                s=[10 + 2 * rows[i]["evaluations"] for i in mine],
                facecolors=[f"C{k}" if best[i] else "none" for i in mine],
                edgecolors=f"C{k}",
                label=solver,
            )
        if chosen is not None:
            axis.scatter(chosen[measure], chosen["cells"], s=250, facecolors="none", edgecolors="black", label="chosen")
        axis.set_xlabel(label)
        axis.set_yscale("log")
        axis.set_ylabel("mean error over all cells, sd")
    axes[1].legend(fontsize=8)
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=110)
