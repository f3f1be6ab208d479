"""Images as people have them: a folder, a file, an array, a list of paths or of PIL images."""

import dataclasses
import os
import pathlib
import warnings
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from cdae_jax.data import folders, image_arrays
from cdae_jax.data.framing import DEPTHS, Framing
from cdae_jax.data.image_files import ImageFiles, Look, Picture, described, look_at_all, read_all, warn_of_dark
from cdae_jax.data.table import some
from cdae_jax.errors import InputError
from cdae_jax.paths import expanded
from cdae_jax.progress import tqdm

TFDS_PREFIX = "tfds:"
NEARLY_BLACK = 26  # a tenth of white


class Collection(NamedTuple):
    """images: paths, PIL images or arrays [H, W] or [H, W, 1 | 3 | 4], of any sizes; names: of each, the path as given
    or below the folder, else its number; where: what to call them all in messages."""

    images: Sequence[Picture]
    names: list[str]
    where: str


def collect(source) -> Collection:
    """The images of a source, not decoded yet: the path of a folder (in natural order), of an image file or of an .npz
    or .npy file; tfds:name@split; an array [H, W], [N, H, W], [H, W, C] or [N, H, W, C]; a PIL image; an iterable of
    paths, PIL images and arrays; or an object whose `images` is one of these, such as a `Counterfactuals`.

    An array of three axes is one image if its last has 1, 3 or 4 entries, else gray images.

    Raises:
      InputError: nothing there, a folder without images, channels first, or another kind of thing.
    """
    source = getattr(source, "images", source)
    if isinstance(source, (str, os.PathLike)):
        return _of_path(os.fspath(source))
    if isinstance(source, Image.Image):
        return _numbered([source])
    if isinstance(source, ImageFiles):
        return Collection(source.paths, [str(path) for path in source.paths], "the files")
    if not hasattr(source, "dtype") and isinstance(source, Iterable):
        source = list(source)
        if any(isinstance(item, (str, os.PathLike)) for item in source):
            return _of_paths(source)
        if any(isinstance(item, Image.Image) or hasattr(item, "dtype") for item in source):
            return _numbered([item if isinstance(item, Image.Image) else np.asarray(item) for item in source])
    try:
        array = np.asarray(source)
    except ValueError as err:
        raise InputError(f"the images are no array ({err}): give one array, or a list of arrays") from err
    if array.dtype.kind in "OU" and array.ndim == 1 and len(array):  # a column of a table
        return collect(array.tolist())
    if array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in DEPTHS):
        array = array[None]
    elif array.ndim == 3 and array.shape[0] in (3, 4):
        raise InputError(
            f"the images are an array of shape {array.shape}: if that is one image with the channels first, give"
            " np.moveaxis(images, 0, -1), and if these are gray images, images[..., None]"
        )
    image_arrays.check_stack(array, "what was given")
    return _numbered(array)


def _numbered(images: Sequence[Picture], where: str = "what was given") -> Collection:
    if isinstance(images, np.ndarray) and images.ndim == 3:
        images = images[..., None]
    return Collection(images, [str(i) for i in range(len(images))], where)


def _of_path(where: str) -> Collection:
    path = expanded(where)
    if where.startswith(TFDS_PREFIX):
        return _numbered(_load_tfds(where), where)
    if path.is_dir():
        names = folders.image_files(path)
        if not names:
            kinds = ", ".join(suffix[1:] for suffix in folders.SUFFIXES)
            raise InputError(f"the folder {where!r} has no images: expected files that end in {kinds}")
        return Collection([path / name for name in names], names, where)
    if path.is_file() and path.suffix in image_arrays.SUFFIXES:
        return _numbered(image_arrays.load_array(path), where)
    if path.is_file() and path.suffix.lower() in folders.SUFFIXES:
        return Collection([path], [path.name], where)
    raise InputError(
        f"there are no images at {where!r}: expected a folder or an image that exists, an .npz or .npy file, or"
        " tfds:name@split"
    )


def _load_tfds(source: str) -> list[np.ndarray]:
    """The images [H, W, C] of tfds:name@split. Raises InputError if TFDS cannot open it."""
    import tensorflow_datasets as tfds  # takes seconds to import

    import cdae_jax.data.tfds_builders  # noqa: F401 (registers ours)

    name, _, split = source.removeprefix(TFDS_PREFIX).partition("@")
    try:
        examples = tfds.data_source(name, split=split or "train", download=False)
        missing = [] if "image" in examples.dataset_info.features else ["image"]
    except (tfds.core.DatasetNotFoundError, AssertionError, ValueError, OSError, NotImplementedError) as err:
        raise InputError(
            f"TFDS cannot open {source!r} ({' '.join(str(err).split())[:200]}):"
            f' prepare it first with tfds.builder("{name}", file_format="array_record").download_and_prepare()'
        ) from err
    if missing:
        raise InputError(f"the TFDS dataset {name!r} has no feature 'image': {some(examples.dataset_info.features)}")
    return [np.asarray(example["image"]) for example in tqdm(examples, f"reading {name}", unit="image")]


def _of_paths(paths: list) -> Collection:
    odd = [path for path in paths if not isinstance(path, (str, os.PathLike))]
    if odd:
        raise InputError(f"the list of images has paths and {odd[0]!r}: expected paths alone")
    found = [expanded(path) for path in paths]
    absent = [path for path in found if not path.is_file()]
    if absent:
        raise InputError(f"{len(absent)} of {len(paths)} images do not exist: {some(absent)}")
    return Collection(found, [str(path) for path in paths], "the list")


def load(found: Collection, framing: Framing, max_memory_gib: float = 4.0) -> np.ndarray | ImageFiles:
    """The images [N, H, W, C] uint8, treated as framing says; files that would take more than max_memory_gib become
    `ImageFiles`. framing.channels 0 means 1 if all images are gray, else 3. Prints what is done to them.

    Raises:
      InputError: images that cannot be read, by name.
    """
    looks = look_at_all(*found)
    channels = framing.channels or (1 if all(look.gray for look in looks) else 3)
    framing = dataclasses.replace(framing, channels=channels)
    for line in described(looks, framing):
        print(line, flush=True)
    are_files = all(isinstance(image, pathlib.Path) for image in found.images)
    if are_files and len(looks) * framing.resolution**2 * channels > max_memory_gib * 2**30:
        warn_of_dark(found.images, looks, framing)
        return ImageFiles(found.images, framing)
    return read(found, looks, framing)


def read(found: Collection, looks: Sequence[Look], framing: Framing) -> np.ndarray:
    """The images [N, H, W, C] uint8, treated as framing says, given the `look_at_all` of them; warns where they become
    nearly black. Raises InputError for images that cannot be read, by name."""
    warn_of_dark(found.images, looks, framing)
    made = read_all(*found, framing)
    warn_if_black(made, found.where)
    return made


def warn_if_black(images: np.ndarray, where: str = "what was given") -> None:
    """Warns of images [N, H, W, C] uint8 in which something is not black but nothing is brighter than NEARLY_BLACK."""
    brightest = images.max()
    if 0 < brightest < NEARLY_BLACK:
        warnings.warn(
            f"nothing in the {len(images)} images of {where} is brighter than {brightest} of 255: multiply masks"
            " of 0 and 1 by 255, and what has another range by what brings it there",
            stacklevel=4,
        )


def prepare(source, framing: Framing) -> np.ndarray:
    """The images [N, H, W, C] uint8 of a source as `collect` takes it, treated as framing says. Raises InputError as
    `collect` does, and for images that cannot be read, by name."""
    found = collect(source)
    return read(found, look_at_all(*found), framing)
