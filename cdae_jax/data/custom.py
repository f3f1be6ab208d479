"""The user's own images: a folder of PNG and JPEG files, an .npz file or a TFDS dataset, and a CSV file of labels.

The CSV file has a header, a column "file" (path inside the folder) or "index" (row of the .npz file's array "images",
or position in the TFDS split), and a column for every variable of the graph; an empty cell is a missing label.
Continuous labels are any numbers, binary ones 0 or 1, categorical ones whole numbers from 0. Mistakes are found before
any work starts.
"""

import concurrent.futures
import csv
import math
import pathlib

import numpy as np
from tqdm import tqdm

from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.image_files import READ_ERRORS, ImageFiles, read_image, resized, shape_of
from cdae_jax.data_settings import Custom
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph

TFDS_PREFIX = "tfds:"
SUFFIXES = (".png", ".jpg", ".jpeg")
MIN_LABELLED = 50
SHOWN = 5  # offenders named in a message


def _some(items) -> str:
    """ "a, b, c and 4 more" """
    items = list(items)
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return ", ".join(map(str, items[:SHOWN])) + more


def read_table(path: pathlib.Path) -> tuple[str, list[str], dict[str, list[str]]]:
    """The name and the cells of the key column ("file" or "index"), and the cells of every column by name.

    Raises:
      InputError: no readable CSV file, no key column, repeated keys or columns, or a row that is too long or short.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise InputError(f"config.data.labels is {str(path)!r}, which cannot be read as CSV: {err}") from err
    if len(rows) < 2:
        raise InputError(f"{path} has no rows below its header: expected one for every image")
    header = [name.strip() for name in rows[0]]
    if len(set(header)) < len(header):
        raise InputError(f"{path} has the columns {_some(header)}: give each another name")
    uneven = [i for i, row in enumerate(rows[1:], start=2) if len(row) != len(header)]
    if uneven:
        raise InputError(f"{path} has rows without {len(header)} cells: rows {_some(uneven)} (the header is row 1)")
    key = next((name for name in ("file", "index") if name in header), None)
    if key is None:
        raise InputError(f"{path} has neither a column 'file' nor 'index': its columns are {', '.join(header)}")
    columns = {name: [row[i].strip() for row in rows[1:]] for i, name in enumerate(header)}
    seen: set[str] = set()
    repeated = [cell for cell in columns[key] if cell in seen or seen.add(cell)]
    if repeated:
        raise InputError(f"{path} names images twice in its column {key!r}: {_some(repeated)}")
    return key, columns[key], columns


def _number(cell: str) -> float | None:
    """NaN for an empty cell, None for what is no finite number."""
    if not cell:
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def read_labels(path: pathlib.Path, columns: dict[str, list[str]], graph: CausalGraph) -> np.ndarray:
    """[N, n] float32 in the graph's order, NaN where the cell is empty.

    Raises:
      InputError: a variable without a column, cells that are no numbers or not of the variable's kind, a constant
        column, fewer than 50 labelled images.
    """
    missing = [name for name in graph.names if name not in columns]
    if missing:
        raise InputError(f"{path} has no column for {_some(missing)} of the graph: its columns are {_some(columns)}")
    labels = []
    for var in graph.variables:
        values = [_number(cell) for cell in columns[var.name]]
        allowed = range(var.classes)
        wrong = [
            f"{cell!r} in row {row}"
            for row, (cell, value) in enumerate(zip(columns[var.name], values, strict=True), start=2)
            if value is None or (var.kind != "continuous" and not math.isnan(value) and value not in allowed)
        ]
        if wrong:
            expected = "a number" if var.kind == "continuous" else f"a whole number from 0 to {var.classes - 1}"
            raise InputError(
                f"{path} has in the column of the {var.kind} variable {var.name!r}: {_some(wrong)};"
                f" expected {expected}, or an empty cell for a missing label"
            )
        known = [value for value in values if not math.isnan(value)]
        if len(known) < MIN_LABELLED:
            raise InputError(
                f"{path} has {len(known)} labels of {var.name!r}: expected at least {MIN_LABELLED}; label more images"
            )
        if min(known) == max(known):
            raise InputError(
                f"{path} has the same value, {known[0]:g}, for every label of {var.name!r}: leave it out of the graph"
            )
        labels.append(values)
    return np.array(labels, np.float32).T


def _check_square(shape: tuple[int, ...], where: str) -> None:
    if shape[0] != shape[1]:
        raise InputError(f"the images in {where} are {shape[1]} wide and {shape[0]} high: crop them to squares")


def _read_folder(
    folder: pathlib.Path, files: list[str], resolution: int, max_memory_gib: float
) -> np.ndarray | ImageFiles:
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES}
    wanted = [pathlib.PurePosixPath(file).as_posix() for file in files]
    absent = [file for file in wanted if file not in present]
    if absent:
        raise InputError(f"{len(absent)} rows of the CSV file have no image in {folder}: {_some(absent)}")
    extra = sorted(present - set(wanted))
    if extra:
        raise InputError(
            f"{len(extra)} images in {folder} have no row in the CSV file: {_some(extra)};"
            " give each a row (with empty cells if it is unlabelled), or move it away"
        )

    paths = [folder / file for file in wanted]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        shapes = list(tqdm(pool.map(shape_of, paths), f"looking at {folder.name}", len(paths), unit="image"))
    _refuse_broken(folder, {file: shape for file, shape in zip(wanted, shapes, strict=True) if isinstance(shape, str)})
    odd = [f"{file} {shape}" for file, shape in zip(wanted, shapes, strict=True) if shape != shapes[0]]
    if odd:
        raise InputError(
            f"{len(odd)} images in {folder} differ from the first one's (height, width, channels) {shapes[0]}:"
            f" {_some(odd)}"
        )
    _check_square(shapes[0], str(folder))
    channels = shapes[0][-1]
    if len(paths) * resolution**2 * channels > max_memory_gib * 2**30:
        return ImageFiles(paths, channels, resolution)

    def read(path: pathlib.Path) -> np.ndarray | str:
        try:
            return read_image(path, channels, resolution)
        except READ_ERRORS as err:
            return str(err) or type(err).__name__

    with concurrent.futures.ThreadPoolExecutor() as pool:
        images = list(tqdm(pool.map(read, paths), f"reading {folder.name}", len(paths), unit="image"))
    _refuse_broken(folder, {file: item for file, item in zip(wanted, images, strict=True) if isinstance(item, str)})
    return np.stack(images)


def _refuse_broken(folder: pathlib.Path, broken: dict[str, str]) -> None:
    if broken:
        named = _some(f"{file} ({why})" for file, why in broken.items())
        raise InputError(f"{len(broken)} images in {folder} cannot be read: {named}; replace or remove them")


def _load_npz(path: pathlib.Path) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as stored:
            images = stored["images"]
    except KeyError as err:
        raise InputError(f"{path} has no array 'images'") from err
    except (OSError, ValueError, EOFError) as err:
        raise InputError(f"config.data.images is {str(path)!r}, which cannot be read as .npz: {err}") from err
    return images[..., None] if images.ndim == 3 else images


def _load_tfds(source: str) -> np.ndarray:
    import tensorflow_datasets as tfds  # takes seconds; only who names such a dataset pays them

    import cdae_jax.data.tfds_builders  # noqa: F401 (registers ours)

    name, _, split = source.removeprefix(TFDS_PREFIX).partition("@")
    try:
        examples = tfds.data_source(name, split=split or "train", download=False)
        missing = [] if "image" in examples.dataset_info.features else ["image"]
    except (tfds.core.DatasetNotFoundError, AssertionError, ValueError, OSError, NotImplementedError) as err:
        raise InputError(
            f"config.data.images is {source!r}, which TFDS cannot open ({' '.join(str(err).split())[:200]}):"
            f' prepare it first with tfds.builder("{name}", file_format="array_record").download_and_prepare()'
        ) from err
    if missing:
        raise InputError(f"the TFDS dataset {name!r} has no feature 'image': {_some(examples.dataset_info.features)}")
    images = [np.asarray(example["image"]) for example in tqdm(examples, f"reading {name}", unit="image")]
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        raise InputError(f"the images of {source} have different shapes: {_some(sorted(shapes))}; use one of one shape")
    return np.stack(images)


def _pick(images: np.ndarray, where: str, indices: list[str], resolution: int) -> np.ndarray:
    """The images [M, H, W, C] that the table's column "index" names, in its order, resized."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise InputError(
            f"the images of {where} are {images.dtype} of shape {images.shape}:"
            " expected uint8 (N, H, W), (N, H, W, 1) or (N, H, W, 3)"
        )
    wrong = [cell for cell in indices if not cell.isdecimal() or int(cell) >= len(images)]
    if wrong:
        raise InputError(
            f"{len(wrong)} rows of the CSV file have no image in {where}: index {_some(wrong)};"
            f" expected 0 to {len(images) - 1}"
        )
    rows = [int(cell) for cell in indices]
    extra = sorted(set(range(len(images))) - set(rows))
    if extra:
        raise InputError(
            f"{len(extra)} images in {where} have no row in the CSV file: index {_some(extra)};"
            " give each a row (with empty cells if it is unlabelled)"
        )
    _check_square(images.shape[1:], where)
    return np.stack([resized(images[row], resolution) for row in rows])


def split_rows(num: int, data: Custom, columns: dict[str, list[str]]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the training and of the test split. Raises InputError for an unknown column, mark or empty split."""
    if data.split_column:
        if data.split_column not in columns:
            raise InputError(
                f"config.data.split_column is {data.split_column!r}: the columns of {data.labels} are {_some(columns)}"
            )
        marks = np.array(columns[data.split_column])
        wrong = sorted(set(marks) - {"train", "test"})
        if wrong:
            raise InputError(f"the column {data.split_column!r} has {_some(wrong)}: expected train or test")
        train, test = np.flatnonzero(marks == "train"), np.flatnonzero(marks == "test")
    else:
        if not 0 < data.test_fraction < 1:
            raise InputError(f"config.data.test_fraction is {data.test_fraction}: expected a number between 0 and 1")
        rows = np.random.default_rng(data.seed).permutation(num)
        num_test = round(num * data.test_fraction)
        train, test = np.sort(rows[num_test:]), np.sort(rows[:num_test])
    for name, rows in (("training", train), ("test", test)):
        if not len(rows):
            raise InputError(
                f"the {name} split of {num} images is empty: change config.data.test_fraction or the split column"
            )
    return train, test


def make_dataset(data: Custom, graph: CausalGraph) -> Dataset:
    """The user's dataset; images are resized to `data.resolution`.

    Files that would take more than `data.max_memory_gib` stay on disk and are decoded as training needs them; a
    damaged one is then noticed when its turn comes, and not before.

    Raises:
      InputError: what the functions above list.
    """
    if not data.images or not data.labels:
        raise InputError("set --config.data.images to a folder or an .npz file and --config.data.labels to a CSV file")
    source, path = pathlib.Path(data.images), pathlib.Path(data.labels)
    is_tfds = data.images.startswith(TFDS_PREFIX)
    if not source.is_dir() and source.suffix != ".npz" and not is_tfds:
        raise InputError(
            f"config.data.images is {data.images!r}: expected a folder that exists, an .npz file or tfds:name@split"
        )
    key, cells, columns = read_table(path)
    expected = "file" if source.is_dir() else "index"
    if key != expected:
        raise InputError(f"{path} has a column {key!r}, but images from {source} are named by a column {expected!r}")
    labels = read_labels(path, columns, graph)
    train, test = split_rows(len(labels), data, columns)
    if source.is_dir():
        images = _read_folder(source, cells, data.resolution, data.max_memory_gib)
    else:
        images = _pick(_load_tfds(data.images) if is_tfds else _load_npz(source), data.images, cells, data.resolution)
    select = images.select if isinstance(images, ImageFiles) else images.__getitem__
    splits = {name: Split(select(rows), labels[rows]) for name, rows in (("train", train), ("test", test))}
    return Dataset(name=source.stem, graph=graph, **splits)
