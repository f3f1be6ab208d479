"""Figures as PNG: grids of images, scatter plots and curves."""

import contextlib
import pathlib
import textwrap

import numpy as np
from matplotlib.axes import Axes

from cdae_jax.data.dataset import Split
from cdae_jax.data.labels import shown
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.plots.fonts import Figure

CAPTION = 20  # letters that fit above an image of `image_table`
LETTER = 0.078  # inches, of a caption of `image_grid`
GREY = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": "nearest"}  # how images of one channel are shown


@contextlib.contextmanager
def picture(path: pathlib.Path, size: tuple, title: str = "", shape: tuple[int, int] | None = None, dpi: int = 110):
    """For a with block: the axis of a figure of `size` inches, or with a shape its axes in rows; saved as PNG."""
    figure = Figure(figsize=size, layout="constrained")
    yield figure.subplots() if shape is None else figure.subplots(*shape, squeeze=False)
    if title:
        figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=dpi)


def signed_difference(images: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Half the signed difference of two uint8 batches of images, as uint8 around 128 (no change)."""
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
    axis.imshow(sheet.squeeze(), **GREY)
    axis.set_frame_on(False)
    axis.tick_params(length=0)
    middle_x, middle_y = (width - 1) / 2, space + (height - 1) / 2
    return middle_x + np.arange(num) * (width + space), middle_y + np.arange(len(rows)) * (height + space)


def _name_rows(axis: Axes, y: np.ndarray, rows: list[tuple]) -> None:
    """Writes the first of each row upright beside its centre y."""
    names = [row[0].replace(" ", "\n") for row in rows]
    axis.set_yticks(y, names, fontsize=9, rotation=90, va="center", ma="center")


def image_grid(path: pathlib.Path, rows: list[tuple[str, np.ndarray]], captions: list[str], title: str) -> None:
    """A labelled grid as PNG: rows are names and images [N, H, W, C] uint8, captions N texts above the columns."""
    lines = [line for caption in captions for line in caption.split("\n")]
    num, side = len(captions), max(1.3, LETTER * max(map(len, lines), default=0))
    size = side * num + 1.2, side * len(rows) + 0.14 * len(lines) / max(num, 1) + 1.0
    with picture(path, size, title) as axis:
        x, y = show_tiled(axis, [images[:num] for _, images in rows], gap=0.06)
        axis.xaxis.tick_top()
        axis.set_xticks(x, captions, fontsize=8)
        _name_rows(axis, y, rows)


def deviation_row(image_sd: np.ndarray) -> tuple[str, np.ndarray]:
    """A row of `image_grid` of standard deviations [N, H, W, C] in grey levels: white where there is none, black where
    it is largest in all images, which the row's name says; over colours their root mean square."""
    sd = np.sqrt((image_sd.astype(np.float32) ** 2).mean(-1, keepdims=True))
    most = max(float(sd.max()), 1.0)
    shade = np.rint(255 - 255 * sd / most).astype(np.uint8)
    return f"deviation 0..{most:.0f} of 255", np.repeat(shade, image_sd.shape[-1], -1)


def counterfactual_grid(path: pathlib.Path, rows: list, captions: list[str], title: str) -> None:
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

    height = -(-min(len(split), 40) // 8)
    with picture(path, (13, 1.9 * height + 0.6), title, (height, 8), dpi=100) as axes:
        for axis in axes.flat:
            axis.set_axis_off()
        for axis, image, labels in zip(axes.flat, split.images, split.labels, strict=False):
            axis.imshow(image.squeeze(), **GREY)
            columns = zip(graph.variables, labels, *ends, strict=True)
            axis.set_title("\n".join(f"{column[0].name} {told(*column)}" for column in columns), fontsize=7)


def asked_and_read(path: pathlib.Path, asked: np.ndarray, read: np.ndarray, name: str, unit: str) -> None:
    """Values asked for in do(name) [N] against those read from the counterfactual images [N], as PNG."""
    with picture(path, (4.2, 4)) as axis:
        ends = [np.nanmin([asked, read]), np.nanmax([asked, read])]
        axis.plot(ends, ends, color="0.7", linewidth=1)
        axis.scatter(asked, read, s=6, alpha=0.5)
        suffix = f", {unit}" if unit else ""
        axis.set_xlabel(f"{name} asked for{suffix}")
        axis.set_ylabel(f"{name} read from the image{suffix}")
        axis.set_title(f"do({name})", fontsize=11)


def importance_matrix(path: pathlib.Path, importance: np.ndarray, names: tuple[str, ...]) -> None:
    """Importance [n, n] of each latent block (rows) for each label (columns), as PNG."""
    with picture(path, (1.1 * len(names) + 2, 0.9 * len(names) + 1.4)) as axis:
        axis.imshow(importance, cmap="Blues", vmin=0, vmax=1)
        axis.set_xticks(range(len(names)), names, rotation=30)
        axis.set_yticks(range(len(names)), [f"z of {name}" for name in names])
        for (i, j), value in np.ndenumerate(importance):
            axis.text(j, i, f"{value:.2f}", ha="center", va="center", color="white" if value > 0.5 else "black")
        axis.set_title("importance for reading the label (columns sum to 1)", fontsize=10)


def image_table(path: pathlib.Path, rows: list[tuple[str, np.ndarray, list[str]]], title: str) -> None:
    """Rows of images as PNG: each a name, images [M, H, W, C] uint8 and a text above each image."""
    num = max(len(images) for _, images, _ in rows)
    captions = [[textwrap.fill(text, CAPTION) for text in texts] for _, _, texts in rows]
    more = max(text.count("\n") for texts in captions for text in texts)  # lines above images beyond the first
    half = 0.56 * rows[0][1].shape[1]
    with picture(path, (1.3 * num + 1.2, (1.55 + 0.15 * more) * len(rows) + 0.5), title) as axis:
        x, y = show_tiled(axis, [images for _, images, _ in rows], gap=0.25 + 0.12 * more)
        axis.set_xticks([])
        _name_rows(axis, y, rows)
        for texts, middle in zip(captions, y, strict=True):
            for column, text in zip(x, texts, strict=False):
                axis.text(column, middle - half, text, fontsize=8, ha="center", va="bottom")


def curves(path: pathlib.Path, panels: list[dict], title: str) -> None:
    """Line plots as PNG. Each panel: "x" [M] and "x_label", "y_label", and "lines", a list of (y [M], style, label)."""
    columns = min(3, len(panels))
    shape = (-(-len(panels) // columns), columns)
    with picture(path, (4.2 * shape[1], 3.4 * shape[0] + 0.4), title, shape) as axes:
        for axis in axes.flat[len(panels) :]:
            axis.set_axis_off()
        for axis, panel in zip(axes.flat, panels, strict=False):
            for y, style, label in panel["lines"]:
                axis.plot(panel["x"], y, style, label=label)
            axis.set_xlabel(panel["x_label"])
            axis.set_ylabel(panel["y_label"])
            axis.legend(fontsize=8)


def seed_bands(path: pathlib.Path, errors: dict[str, list[float]]) -> None:
    """Errors by setting, one point for each seed and a band from the lowest to the highest, as PNG."""
    with picture(path, (7, 0.45 * len(errors) + 1.4)) as axis:
        for i, values in enumerate(errors.values()):
            axis.plot([min(values), max(values)], [i, i], color="C0", linewidth=6, alpha=0.3, solid_capstyle="round")
            axis.plot(values, [i] * len(values), "o", color="C0", markersize=4)
        axis.set_yticks(range(len(errors)), list(errors), fontsize=8)
        axis.invert_yaxis()
        axis.set_xlabel("mean error over all interventions and variables, training sd")
        axis.locator_params(axis="x", nbins=5)  # narrow ranges have long labels


def sweep_lines(path: pathlib.Path, panels: dict[str, dict[str, dict[float, list[float]]]], axis_label: str) -> None:
    """Results against one setting as PNG: each panel holds lines, each line the values of all seeds by x; the band is
    from the lowest seed to the highest. The x axis is logarithmic if the values span a factor of 20."""
    with picture(path, (5.2 * len(panels), 4), shape=(1, len(panels))) as axes:
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


def scatter_frontier(path: pathlib.Path, rows: list[dict], best: list[bool], chosen: dict | None, title: str) -> None:
    """Points of `frontier` as PNG: error against what the null intervention loses, and against evaluations.

    Pareto points are filled, the chosen one is circled; colours are solvers, sizes grow with the evaluations.
    """
    solvers = list(dict.fromkeys(row["solver"] for row in rows))
    labels = {"psnr": "null intervention, PSNR (dB)", "evaluations": "network evaluations an image"}
    with picture(path, (11, 4.6), title, (1, 2)) as axes:
        for axis, (measure, label) in zip(axes[0], labels.items(), strict=True):
            for k, solver in enumerate(solvers):
                mine = [i for i, row in enumerate(rows) if row["solver"] == solver]
                x, y, cost = ([rows[i][name] for i in mine] for name in (measure, "cells", "evaluations"))
                faces = [f"C{k}" if best[i] else "none" for i in mine]
                look = {"s": 10 + 2 * np.array(cost), "facecolors": faces, "edgecolors": f"C{k}"}
                axis.scatter(x, y, **look, label=solver)
            if chosen is not None:
                circle = {"s": 250, "facecolors": "none", "edgecolors": "black", "label": "chosen"}
                axis.scatter(chosen[measure], chosen["cells"], **circle)
            axis.set_xlabel(label)
            axis.set_yscale("log")
            axis.set_ylabel("mean error over all cells, sd")
        axes[0, 1].legend(fontsize=8)
