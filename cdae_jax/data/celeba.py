"""Reads CelebA (Liu et al. 2015, arXiv 1411.7766) from its published files: aligned faces, attributes, partition.

`img_align_celeba` holds JPEGs of 178 x 218 pixels, `list_attr_celeba` 40 attributes of each that are 1 or -1,
`list_eval_partition` 0 (train), 1 (validation) or 2 (test); both are .txt files or, as on Kaggle, .csv files. All lie
in one folder or its subfolders. A square is cut out at the centre and resized. The data has its own terms and is not
shipped; no true counterfactuals are known.
"""

import pathlib

import numpy as np
from PIL import Image

from cdae_jax.data import images
from cdae_jax.data.custom import assemble, rows_of_files
from cdae_jax.data.dataset import Dataset
from cdae_jax.data.framing import CELEBA_WIDTH, framing_of
from cdae_jax.data.kinds import read_labels, resolve
from cdae_jax.data.settings import CelebA
from cdae_jax.data.table import read_cells, read_table, some
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph
from cdae_jax.paths import expanded

SIZE = (CELEBA_WIDTH, 218)  # width and height of an aligned image
MARKS = {"train": "0", "validation": "1", "test": "2"}  # of the partition


def _find(folder: str, name: str, *patterns: str) -> pathlib.Path:
    for pattern in patterns:
        for path in sorted(expanded(folder).glob(pattern)):
            return path
    raise InputError(
        f"{folder!r} has no {name}: set --config.data.celeba_dir to the folder with img_align_celeba, list_attr_celeba"
        " and list_eval_partition"
    )


def _find_table(folder: str, stem: str) -> pathlib.Path:
    return _find(folder, f"{stem}.txt or .csv", *(f"{at}{stem}{end}" for at in ("", "*/") for end in (".txt", ".csv")))


def _marks(path: pathlib.Path, files: list[str]) -> np.ndarray:
    """[N] the mark of each file in a partition with or without a header. Raises InputError for a file without one."""
    cells = read_cells(path)
    mark_of = dict(zip(cells.iloc[:, 0], cells.iloc[:, -1], strict=True))
    wrong = [file for file in files if mark_of.get(file) not in MARKS.values()]
    if wrong:
        raise InputError(
            f"{path} has no 0, 1 or 2 for {len(wrong)} images of the attributes ({some(wrong)}): copy both files again"
        )
    return np.array([mark_of[file] for file in files])


def make_dataset(data: CelebA, graph: CausalGraph) -> Dataset:
    """The first train_size and test_size images [N, resolution, resolution, 3] uint8 of the partition's training and
    tested parts, in the table's order. Labels are the attributes that the graph names, as codes, 0 for -1.

    Raises InputError for files that are missing or cannot be read, images of another size, an unknown attribute, and
    fewer images than asked for.
    """
    if not data.celeba_dir:
        raise InputError("CelebA is not shipped: set --config.data.celeba_dir to the folder that holds it")
    if not 0 < data.crop <= CELEBA_WIDTH:
        raise InputError(f"config.data.crop is {data.crop}: expected 1 to {CELEBA_WIDTH} pixels")
    folder = _find(data.celeba_dir, "img_align_celeba", "*/img_align_celeba/", "img_align_celeba/")
    path, partition = (_find_table(data.celeba_dir, stem) for stem in ("list_attr_celeba", "list_eval_partition"))
    key, table = read_table(path)
    graph = resolve(path, table, graph)
    marks = _marks(partition, table[key].tolist())
    parts = []
    for name, part, size in (("train", "train", data.train_size), ("test", data.tested, data.test_size)):
        parts.append(np.flatnonzero(marks == MARKS[part])[:size])
        if len(parts[-1]) < size:
            raise InputError(
                f"config.data.{name}_size is {size}, but {partition} has {len(parts[-1])} images for {part}: use fewer"
            )
    table = table.iloc[np.concatenate(parts)]
    labels = read_labels(path, table, graph)
    found = images.collect(folder)
    rows = rows_of_files(table[key].tolist(), found)
    found = images.Collection([found.images[row] for row in rows], [found.names[row] for row in rows], str(folder))
    with Image.open(found.images[0]) as first:
        if first.size != SIZE:
            width, height = first.size
            raise InputError(
                f"the images of {folder} are of {width} x {height} pixels, not of {SIZE[0]} x {SIZE[1]}: expected the"
                " aligned ones as published; others are read by configs/custom.py"
            )
    rows, was_set = list(range(len(rows))), np.zeros(labels.shape, bool)
    train, test = np.split(np.arange(len(rows)), [data.train_size])
    framing = framing_of(data, channels=3)
    return assemble(framing, data.max_memory_gib, graph, "CelebA", found, rows, labels, was_set, train, train[:0], test)
