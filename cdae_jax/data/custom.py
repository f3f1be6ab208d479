"""The user's own images: a folder, an .npz or .npy file, or a TFDS dataset, and a table of labels.

The table (`table`) has a header, a column "file" (path inside the folder) or "index" (row of the array, or position in
the TFDS split), and a column for every variable of the graph; an empty cell is no label, and a row or column of empty
cells alone is left out. An image without a row is a training image without labels. Another column may name the
variables that were set by hand in an image, against their mechanism (`config.data.do_column`). Labels are numbers, or
words for classes (`kinds`). Mistakes are found before any work starts.

Images may have any size and be gray or in colour (`framing`), of more than 8 bits and transparent.
"""

import pathlib
import warnings

import numpy as np

from cdae_jax.data import folders, images
from cdae_jax.data.copies import copies
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.framing import Framing, framing_of
from cdae_jax.data.image_arrays import SUFFIXES
from cdae_jax.data.image_files import ImageFiles
from cdae_jax.data.kinds import read_labels, resolve
from cdae_jax.data.settings import Custom
from cdae_jax.data.splits import read_interventions, split_rows
from cdae_jax.data.table import key_of, read_table, some
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph
from cdae_jax.paths import expanded

NO_ROWS = np.zeros(0, int)


def rows_of_files(cells: list[str], found: images.Collection) -> list[int]:
    """The index of the image that each row of the table means, by its file name. Raises InputError for rows without
    one, or two rows that mean the same."""
    files, notes = folders.match(cells, found.names)
    absent = [cell for cell, file in zip(cells, files, strict=True) if file is None]
    if absent:
        raise InputError(
            f"{len(absent)} rows of the table have no image in {found.where}: {some(absent)};"
            f" what is there: {some(found.names)}"
        )
    if notes:
        print(f"the table names the images of {found.where} in its own way: {'; '.join(notes)}", flush=True)
    row_of = {name: i for i, name in enumerate(found.names)}
    return [row_of[file] for file in files]


def _rows_of_array(cells: list[str], found: images.Collection) -> list[int]:
    """Which image of an array each row of the table means. Raises InputError for rows without one."""
    wrong = [cell for cell in cells if not cell.isdecimal() or int(cell) >= len(found.images)]
    if wrong:
        raise InputError(
            f"{len(wrong)} rows of the table have no image in {found.where}: index {some(wrong)};"
            f" expected 0 to {len(found.images) - 1}"
        )
    rows = [int(cell) for cell in cells]
    if len(set(rows)) < len(rows):
        raise InputError(f"the table names images of {found.where} twice in its column 'index': keep one row of each")
    return rows


def _without_row(rows: list[int], found: images.Collection) -> list[int]:
    """The images that no row of the table means, except links to those that one does."""
    left = sorted(set(range(len(found.images))) - set(rows))
    if left and isinstance(found.images[0], pathlib.Path):
        known = {found.images[row].resolve() for row in rows}
        left = [row for row in left if found.images[row].resolve() not in known]
    return left


def assemble(
    framing: Framing,
    max_memory_gib: float,
    graph: CausalGraph,
    name: str,
    found: images.Collection,
    rows: list[int],
    labels: np.ndarray,
    was_set: np.ndarray,
    train: np.ndarray,
    validation: np.ndarray,
    test: np.ndarray,
    interventional: np.ndarray = NO_ROWS,
) -> Dataset:
    """The dataset of a table whose i-th row is about the image rows[i] of a collection. Images that no row is about
    become training images without labels; images on both sides of a split are warned about.

    Args:
      framing, max_memory_gib: see `images.load`.
      labels, was_set: [N, n] of each row, in the graph's order, physical units and NaN where unknown.
      train, validation, test, interventional: which rows belong to each split.

    Raises:
      InputError: images that cannot be read.
    """
    extra = _without_row(rows, found)
    if extra:
        shown = some(found.names[i] for i in extra)
        print(f"{len(extra)} images without a row in the table are unlabelled training images: {shown}", flush=True)
    order, unknown = rows + extra, np.full((len(extra), len(graph)), np.nan, labels.dtype)
    labels, was_set = np.concatenate([labels, unknown]), np.concatenate([was_set, np.zeros(unknown.shape, bool)])
    train = np.concatenate([train, np.arange(len(rows), len(order))])
    named = [found.names[i] for i in order]
    found = images.Collection([found.images[i] for i in order], named, found.where)
    loaded = images.load(found, framing, max_memory_gib)
    select = loaded.select if isinstance(loaded, ImageFiles) else loaded.__getitem__
    tested = np.concatenate([test, interventional])
    for held, kind, others, of_them in (
        (tested, "test", np.concatenate([train, validation]), "training or validation"),
        (validation, "validation", train, "training"),
    ):
        same = copies(found.images, loaded, others, held, framing.white_level)
        if same:
            pairs = some(f"{named[row]} = {named[of]}" for of, row in same)
            warnings.warn(
                f"{len(same)} {kind} images are {of_them} images too, which flatters every score: {pairs};"
                " take them out, or keep copies on one side with config.data.group_column or split_column",
                stacklevel=2,
            )
    parts = {"train": train, "validation": validation, "test": test, "interventional": interventional}
    splits = {
        split: Split(select(part), labels[part], intervened=was_set[part]) for split, part in parts.items() if len(part)
    }
    return Dataset(name=name, graph=graph, **splits)


def make_dataset(data: Custom, graph: CausalGraph) -> Dataset:
    """The user's dataset; images are resized to `data.resolution`.

    Files that would take more than `data.max_memory_gib` stay on disk and are decoded as training needs them; a
    damaged one is then noticed when its turn comes, and not before.

    Raises:
      InputError: settings, a table or images that cannot be used (`read_table`, `resolve`, `read_labels`,
        `split_rows`, `images.collect`), or a split whose every image was intervened on.
    """
    if not data.images or not data.labels:
        raise InputError("set --config.data.images to a folder or an array file and --config.data.labels to a CSV file")
    source, path = expanded(data.images), expanded(data.labels)
    is_tfds = data.images.startswith(images.TFDS_PREFIX)
    if not source.is_dir() and source.suffix not in SUFFIXES and not is_tfds:
        raise InputError(
            f"config.data.images is {data.images!r}: expected a folder that exists, an .npz or .npy file, or"
            " tfds:name@split"
        )
    expected = key_of(data.images)
    key, table = read_table(path, expected)
    if key != expected:
        raise InputError(f"{path} has a column {key!r}, but images from {source} are named by a column {expected!r}")
    found = images.collect(data.images if is_tfds else source)
    rows = (rows_of_files if source.is_dir() else _rows_of_array)(table[key].tolist(), found)
    if source.is_dir():  # a split by name is the same however the table writes the path to it
        table = table.assign(**{key: [found.names[row] for row in rows]})
    graph = resolve(path, table, graph, data.missing)
    labels = read_labels(path, table, graph, data.missing)
    was_set = read_interventions(path, data.do_column, table, graph) if data.do_column else np.zeros(labels.shape, bool)
    train, *held = split_rows(table, data, key, was_set.any(1))
    # What the world does by itself is what a counterfactual starts from; the others show what do() really does.
    interventional = held[1][was_set[held[1]].any(1)]
    validation, test = (rows[~was_set[rows].any(1)] for rows in held)
    if len(validation) < len(held[0]):
        print(
            f"{len(held[0]) - len(validation)} validation images in which a variable was set are left out", flush=True
        )
    for name, left in (("training", train[~was_set[train].any(1)]), ("test", test)):
        if not len(left):
            raise InputError(
                f"every image of the {name} split was intervened on, by the column {data.do_column!r} of {path}:"
                " the mechanisms are learned from, and tested on, images that were left alone"
            )
    framing, held = framing_of(data, channels=0), (train, validation, test, interventional)
    return assemble(framing, data.max_memory_gib, graph, source.stem, found, rows, labels, was_set, *held)
