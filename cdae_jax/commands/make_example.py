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
from cdae_jax.data.example import GRAPH, draw_image, draw_labels, with_gaps
from cdae_jax.errors import InputError

OUTPUT = define.path("output", "example", "Folder to write; it must not exist yet.")
NUM = flags.DEFINE_integer("num", 2_000, "Number of images.", lower_bound=100)
SEED = flags.DEFINE_integer("seed", 0, "Seed of the drawing.", lower_bound=0)


def write_example(folder: pathlib.Path, num: int, seed: int) -> np.ndarray:
    """Writes images, labels and graph; returns all labels [num, 5], without gaps."""
    rng = np.random.default_rng(seed)
    labels = draw_labels(num, rng)
    (folder / "images").mkdir(parents=True)
    files = [f"{i:05}.png" for i in range(num)]
    for file, row in zip(files, labels, strict=True):
        Image.fromarray(draw_image(row)).save(folder / "images" / file)
    table = pd.DataFrame(with_gaps(labels, rng), pd.Index(files, name="file"), GRAPH)
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
