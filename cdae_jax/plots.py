"""Pictures for people."""

import pathlib

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from cdae_jax.data.dataset import Split

matplotlib.use("Agg")


def difference(images: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Signed difference of two uint8 batches as uint8 around mid-grey."""
    return ((images.astype(np.int16) - reference.astype(np.int16)) // 2 + 128).astype(np.uint8)


def counterfactual_grid(
    path: pathlib.Path, rows: list[tuple[str, np.ndarray]], captions: list[str], title: str
) -> None:
    """A labelled grid as PNG.

    Args:
      rows: name and images [N, H, W, C] uint8 of each row; the first is the factual one and the second the
        counterfactual one, whose difference is added as the last row (grey: no change).
      captions: N texts above the columns.
      title: above all.
    """
    rows = [*rows, ("difference to factual", difference(rows[1][1], rows[0][1]))]
    num = len(captions)
    figure = Figure(figsize=(1.3 * num + 1.2, 1.3 * len(rows) + 1.1), layout="constrained")
    axes = figure.subplots(len(rows), num, squeeze=False)
    for i, (name, images) in enumerate(rows):
        for j in range(num):
            axis = axes[i, j]
            axis.imshow(images[j].squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
            if i == 0:
                axis.set_title(captions[j], fontsize=8)
            if j == 0:
                axis.set_ylabel(name.replace(" ", "\n"), fontsize=9)
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=110)


def contact_sheet(path: pathlib.Path, split: Split, names: tuple[str, ...], title: str) -> None:
    """Up to 40 images with their labels in physical units, as PNG; names are those of the label columns."""
    num = min(len(split), 40)
    figure = Figure(figsize=(13, 1.9 * -(-num // 8) + 0.6), layout="constrained")
    axes = figure.subplots(-(-num // 8), 8, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, image, labels in zip(axes.flat, split.images, split.labels, strict=False):
        axis.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        shown = ("unlabelled" if np.isnan(value) else f"{value:.3g}" for value in labels)
        axis.set_title("\n".join(f"{name} {text}" for name, text in zip(names, shown, strict=True)), fontsize=7)
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=100)
