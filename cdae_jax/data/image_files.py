"""Images as an array: read at once, or file by file as they are needed where they do not fit in memory.

An image here is a path, a PIL image or an array as `framing.picture_of` takes it.
"""

import concurrent.futures
import contextlib
import os
import pathlib
import struct
import warnings
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from cdae_jax.data.framing import ALPHA, COLOUR, DEEP, GRAY, Framing, framed, is_deep
from cdae_jax.data.table import some
from cdae_jax.errors import InputError
from cdae_jax.progress import tqdm

# What Pillow raises for a file that is cut off, damaged or of another format.
READ_ERRORS = (
    *(OSError, ValueError, SyntaxError, TypeError, EOFError, struct.error, zlib.error),
    Image.DecompressionBombError,
)
THREADS = min(8, os.cpu_count() or 1)  # each holds one image at its full size
TURNED = (5, 6, 7, 8)  # EXIF orientations that swap height and width
SAMPLED = 64  # images of many bits whose range is looked at
DARK = 1 / 4  # of the white level: if nothing is brighter, it is probably another one

Picture = pathlib.Path | Image.Image | np.ndarray


class Look(NamedTuple):
    """What is known of an image without reading its pixels."""

    width: int
    height: int
    gray: bool
    alpha: bool = False
    deep: bool = False  # more than 8 bits
    frames: int = 1


def opened_image(image: Picture) -> contextlib.AbstractContextManager:
    """For a with block: the file of a path as a PIL image; an image that is no path as it is."""
    return Image.open(image) if isinstance(image, pathlib.Path) else contextlib.nullcontext(image)


def look_at(image: Picture) -> Look | str:
    """The `Look` of an image by its header or shape, or a text that says what is wrong with it."""
    if isinstance(image, np.ndarray):
        if image.ndim not in (2, 3):
            return f"its shape is {image.shape}: expected (H, W) or (H, W, channels)"
        depth = image.shape[2] if image.ndim == 3 else 1
        return Look(image.shape[1], image.shape[0], depth == 1, depth == 4, image.dtype == np.uint16)
    try:
        with opened_image(image) as opened:
            if opened.mode not in GRAY | COLOUR:
                return f"its colour mode is {opened.mode}: save it as gray or RGB"
            width, height = opened.size
            with contextlib.suppress(SyntaxError):
                if "exif" in opened.info and opened.getexif().get(0x0112) in TURNED:
                    width, height = height, width
            alpha = opened.mode in ALPHA or "transparency" in opened.info
            frames = 1 if opened.format == "MPO" else getattr(opened, "n_frames", 1)  # MPO: a preview of the same
            return Look(width, height, opened.mode in GRAY, alpha, is_deep(opened), frames)
    except READ_ERRORS as err:
        return str(err) or type(err).__name__


def read_image(image: Picture, framing: Framing) -> np.ndarray:
    """[resolution, resolution, channels] uint8. Raises one of READ_ERRORS for what is damaged or of another kind."""
    with opened_image(image) as opened:
        return framed(opened, framing)


class ImageFiles:
    """Files that read like an array [N, H, W, C] uint8: a slice is again `ImageFiles`, an index or rows are decoded.

    Raises InputError on reading a damaged file.
    """

    def __init__(self, paths: Sequence[pathlib.Path], framing: Framing):
        self.paths, self.framing = paths, framing
        self.shape = (len(paths), framing.resolution, framing.resolution, framing.channels)

    def __len__(self) -> int:
        return len(self.paths)

    def select(self, rows: Sequence[int]) -> "ImageFiles":
        """The files of some rows, not decoded."""
        return ImageFiles([self.paths[row] for row in rows], self.framing)

    def __getitem__(self, rows: slice | int | np.ndarray):
        if isinstance(rows, slice):
            return self.select(range(len(self))[rows])
        if np.ndim(rows):
            return np.stack([self[row] for row in rows])
        path = self.paths[rows]
        try:
            return read_image(path, self.framing)
        except READ_ERRORS as err:
            raise InputError(f"the image {path} cannot be read ({err}): replace it or take out its row") from err

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self[np.arange(len(self))], dtype)


def _each(function: Callable, images: Sequence[Picture], names: Sequence[str], what: str, where: str) -> list:
    """What a function makes of every image, in threads. Raises InputError that names those for which it is a text."""
    are_files, title = isinstance(images[0], pathlib.Path), f"{what} {pathlib.Path(where).name}"
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:  # which takes longer than a small array does
        mapped = (pool.map if are_files else map)(function, images)
        made = list(tqdm(mapped, title, len(images), unit="image", delay=1))
    broken = {name: why for name, why in zip(names, made, strict=True) if isinstance(why, str)}
    if broken:
        why = next(iter(broken.values())) if len(broken) == 1 else f"the first: {next(iter(broken.values()))}"
        fix = "; replace or remove them" if are_files else ""
        raise InputError(f"{len(broken)} images in {where} cannot be read: {some(broken)} ({why}){fix}")
    return made


def look_at_all(images: Sequence[Picture], names: Sequence[str], where: str) -> list[Look]:
    """`look_at` of every image. Raises an InputError that names those with something wrong."""
    return _each(look_at, images, names, "looking at", where)


def read_all(images: Sequence[Picture], names: Sequence[str], where: str, framing: Framing) -> np.ndarray:
    """The images [N, H, W, C] uint8. Raises an InputError that names those which cannot be read."""

    def read(image: Picture) -> np.ndarray | str:
        try:
            return read_image(image, framing)
        except READ_ERRORS as err:
            return str(err) or type(err).__name__

    return np.stack(_each(read, images, names, "reading", where))


def described(looks: Sequence[Look], framing: Framing) -> list[str]:
    """At most two lines on what framing does to images; none where it leaves them as they are."""
    sizes = sorted({(look.width, look.height) for look in looks}, key=lambda size: (size[0] * size[1], size))
    (width, height), of = sizes[0], " to ".join(f"{w} x {h}" for w, h in dict.fromkeys((sizes[0], sizes[-1])))
    end = f"{framing.resolution} x {framing.resolution}"
    side = max(width, height) if framing.fit == "pad" else framing.crop_side(width, height)
    square = f"{side} x {side}" if len(sizes) == 1 else "squares"
    done = []
    if framing.kept < 1 or any(width != height for width, height in sizes):
        how = {
            "crop": f"cropped at the centre to {square}",
            "pad": f"padded with {framing.background} to {square}",
            "stretch": f"stretched to {end}",
        }
        done.append(how[framing.fit])
    if framing.fit != "stretch" or not done:
        done += [f"resized to {end}"] if len(sizes) > 1 or side != framing.resolution else []
    lines = [f"{len(looks)} images of {of} are {' and '.join(done)}"] if done else []

    def count(field: str) -> int:
        return sum(bool(getattr(look, field)) for look in looks)

    gray, several = count("gray"), sum(look.frames > 1 for look in looks)
    white = f"so that {framing.white_level:g}" if framing.white_level else "so that 65535 (1 for floats)"
    remarks = {
        f"{gray} gray images become RGB": framing.channels == 3 and gray,
        f"{len(looks) - gray} images in colour become gray": framing.channels == 1 and len(looks) - gray,
        f"{count('alpha')} with transparency are laid over {framing.background}": count("alpha"),
        f"{count('deep')} of more than 8 bits are scaled {white} is white": count("deep"),
        f"of {several} with several frames the first is taken": several,
    }
    said = "; ".join(text for text, holds in remarks.items() if holds)
    return lines + ([said] if said else [])


def _brightest(image: Picture) -> tuple[float, float]:
    """The value that becomes white, and the highest one, of an image of more than 8 bits."""
    if isinstance(image, np.ndarray):
        return 65535, float(image.max())
    with opened_image(image) as opened:
        return DEEP.get(opened.mode, 255), float(np.asarray(opened).max())


def warn_of_dark(images: Sequence[Picture], looks: Sequence[Look], framing: Framing) -> None:
    """Warns if images of more than 8 bits use little of their range, as those of 12 bits do, and no white_level is
    given: they would become nearly black. Only some of the images, evenly spread, are looked at."""
    deep = [image for image, look in zip(images, looks, strict=True) if look.deep and not framing.white_level]
    seen: dict[float, float] = {}
    for image in deep[:: 1 + len(deep) // SAMPLED]:
        with contextlib.suppress(*READ_ERRORS):  # damaged: noticed when its turn comes
            white, high = _brightest(image)
            seen[white] = max(seen.get(white, 0), high)
    for white, high in seen.items():
        if 0 < high <= DARK * white:
            likely = high if high < 1 else 2 ** int(high).bit_length() - 1
            fix = f"say what their white is, such as --config.data.white_level={likely:g}"
            if white == 255:
                fix = "Pillow reads files of 16-bit colour at 8 bits, so store them as an array of uint16 (.npy)"
            warnings.warn(
                f"images of more than 8 bits are scaled so that {white:g} is white, but those looked at have nothing"
                f" above {high:g}: {fix}",
                stacklevel=2,
            )
