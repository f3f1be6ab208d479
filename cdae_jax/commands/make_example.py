"""Writes images, a table and a graph, to try or to copy.

A lamp in a room: warmth (0..1, the colour of the room) -> size (px, the lamp's radius) -> glow (0..1, its
brightness), a chain of three; warmth -> size and warmth -> height (px above the floor), a fork; size -> on <- height,
a collider, a binary sign in the corner. 30 % of the labels are missing. What it writes: images/*.png, labels.csv,
graph.json.

cdae make_example --output=example
"""

import json
import pathlib

import numpy as np
import pandas as pd
from absl import flags
from PIL import Image

from cdae_jax.commands import define
from cdae_jax.errors import InputError

OUTPUT = define.path("output", "example", "Folder to write; it must not exist yet.")
NUM = flags.DEFINE_integer("num", 2_000, "Number of images.", lower_bound=100)
SEED = flags.DEFINE_integer("seed", 0, "Seed of the drawing.")

SIDE = 32
MISSING = 0.3
GRAPH = {
    "warmth": [],
    "size": {"parents": ["warmth"], "unit": "px"},
    "glow": ["size"],
    "height": {"parents": ["warmth"], "unit": "px"},
    "on": {"parents": ["size", "height"], "kind": "binary"},
}


def draw_labels(num: int, rng: np.random.Generator) -> np.ndarray:
    """[num, 5] labels in the graph's order, by its true mechanisms."""
    warmth = rng.uniform(0, 1, num)
    size = 4 + 4 * warmth + rng.normal(0, 0.4, num)
    glow = np.clip(0.2 + 0.15 * (size - 4) + rng.normal(0, 0.05, num), 0, 1)
    height = 20 - 8 * warmth + rng.normal(0, 1, num)
    on = rng.random(num) < 1 / (1 + np.exp(-3 * (size - 6) - 0.5 * (height - 16)))
    return np.stack([warmth, size, glow, height, on], 1)


def draw_image(labels: np.ndarray) -> np.ndarray:
    """Labels [5] -> [32, 32, 3] uint8."""
    warmth, size, glow, height, on = labels
    y, x = SIDE - np.mgrid[:SIDE, :SIDE][0] - 0.5, np.mgrid[:SIDE, :SIDE][1] + 0.5
    image = np.ones((SIDE, SIDE, 3)) * [0.2 + 0.6 * warmth, 0.3, 0.8 - 0.6 * warmth]
    inside = np.clip(size - np.hypot(x - SIDE / 2, y - height) + 0.5, 0, 1)[..., None]
    image = image * (1 - inside) + inside * glow
    if on:
        image[1:5, 1:5] = 1
    return np.rint(255 * image).astype(np.uint8)


def write_example(folder: pathlib.Path, num: int, seed: int) -> np.ndarray:
    """Writes images, labels and graph; returns all labels [num, 5], without gaps."""
    rng = np.random.default_rng(seed)
    labels = draw_labels(num, rng)
    known = rng.random(labels.shape) >= MISSING
    (folder / "images").mkdir(parents=True)
    files = [f"{i:05}.png" for i in range(num)]
    for file, row in zip(files, labels, strict=True):
        Image.fromarray(draw_image(row)).save(folder / "images" / file)
    table = pd.DataFrame(np.where(known, labels, np.nan), pd.Index(files, name="file"), GRAPH)
    table.to_csv(folder / "labels.csv", float_format="%.4g")
    (folder / "graph.json").write_text(json.dumps(GRAPH, indent=2) + "\n")
    return labels


def main() -> None:
    folder = pathlib.Path(OUTPUT.value)
    if folder.exists():
        raise InputError(f"--output is {OUTPUT.value!r}, which exists already: choose a new folder")
    write_example(folder, NUM.value, SEED.value)
    files = f"--images={folder}/images --labels={folder}/labels.csv --graph={folder}/graph.json"
    print(f"wrote {NUM.value} images; next: cdae fit {files} --workdir=runs/example")
