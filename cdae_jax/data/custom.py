"""The user's own images: a folder of PNG and JPEG files, an .npz file or a TFDS dataset, and a table of labels.

The table (`table`) has a header, a column "file" (path inside the folder) or "index" (row of the array "images" of the
.npz file, or position in the TFDS split), and a column for every variable of the graph; an empty cell is no label,
and a row or column of empty cells alone is left out. Another column may name the variables that were set by hand in an
image, against their mechanism (`config.data.do_column`). Labels are numbers, or words for classes (`kinds`). Mistakes
are found before any work starts.
"""

import concurrent.futures
import pathlib

import numpy as np
from tqdm import tqdm

from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.image_files import READ_ERRORS, ImageFiles, read_image, resized, shape_of
from cdae_jax.data.kinds import read_labels, resolve
from cdae_jax.data.settings import Custom
from cdae_jax.data.splits import read_interventions, split_rows
from cdae_jax.data.table import read_table, some
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph

TFDS_PREFIX = "tfds:"
SUFFIXES = (".png", ".jpg", ".jpeg")


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
        raise InputError(f"{len(absent)} rows of the CSV file have no image in {folder}: {some(absent)}")
    extra = sorted(present - set(wanted))
    if extra:
        raise InputError(
            f"{len(extra)} images in {folder} have no row in the CSV file: {some(extra)};"
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
            f" {some(odd)}"
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
        named = some(f"{file} ({why})" for file, why in broken.items())
        raise InputError(f"{len(broken)} images in {folder} cannot be read: {named}; replace or remove them")


def load_npz(path: pathlib.Path) -> np.ndarray:
    """The array "images" of an .npz file, [N, H, W, C]. Raises InputError if there is none."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            images = stored["images"]
    except KeyError as err:
        raise InputError(f"{path} has no array 'images'") from err
    except (OSError, ValueError, EOFError) as err:
        raise InputError(f"config.data.images is {str(path)!r}, which cannot be read as .npz: {err}") from err
    return images[..., None] if images.ndim == 3 else images


def load_tfds(source: str) -> np.ndarray:
    """The images [N, H, W, C] of tfds:name@split. Raises InputError if TFDS cannot open it."""
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
        raise InputError(f"the TFDS dataset {name!r} has no feature 'image': {some(examples.dataset_info.features)}")
    images = [np.asarray(example["image"]) for example in tqdm(examples, f"reading {name}", unit="image")]
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        raise InputError(f"the images of {source} have different shapes: {some(sorted(shapes))}; use one of one shape")
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
            f"{len(wrong)} rows of the CSV file have no image in {where}: index {some(wrong)};"
            f" expected 0 to {len(images) - 1}"
        )
    rows = [int(cell) for cell in indices]
    extra = sorted(set(range(len(images))) - set(rows))
    if extra:
        raise InputError(
            f"{len(extra)} images in {where} have no row in the CSV file: index {some(extra)};"
            " give each a row (with empty cells if it is unlabelled)"
        )
    _check_square(images.shape[1:], where)
    return np.stack([resized(images[row], resolution) for row in rows])


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
    expected = "file" if source.is_dir() else "index"
    key, table = read_table(path, expected)
    if key != expected:
        raise InputError(f"{path} has a column {key!r}, but images from {source} are named by a column {expected!r}")
    graph = resolve(path, table, graph, data.missing)
    labels = read_labels(path, table, graph, data.missing)
    was_set = read_interventions(path, data.do_column, table, graph) if data.do_column else np.zeros(labels.shape, bool)
    train, test = split_rows(table, data)
    test = test[~was_set[test].any(1)]  # what the world does by itself is what a counterfactual starts from
    for name, rows in (("training", train[~was_set[train].any(1)]), ("test", test)):
        if not len(rows):
            raise InputError(
                f"every image of the {name} split was intervened on, by the column {data.do_column!r} of {path}:"
                " the mechanisms are learned from, and tested on, images that were left alone"
            )
    cells = table[key].tolist()
    if source.is_dir():
        images = _read_folder(source, cells, data.resolution, data.max_memory_gib)
    else:
        images = _pick(load_tfds(data.images) if is_tfds else load_npz(source), data.images, cells, data.resolution)
    select = images.select if isinstance(images, ImageFiles) else images.__getitem__
    splits = {
        name: Split(select(rows), labels[rows], intervened=was_set[rows])
        for name, rows in (("train", train), ("test", test))
    }
    return Dataset(name=source.stem, graph=graph, **splits)
