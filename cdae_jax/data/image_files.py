"""Image files as an array: read at once, or one by one as they are needed where they do not fit in memory."""

import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from cdae_jax.errors import InputError

CHANNELS = {"1": 1, "L": 1, "LA": 1, "RGB": 3, "RGBA": 3, "P": 3}  # that images of a mode are read with
READ_ERRORS = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def resized(image: np.ndarray, resolution: int) -> np.ndarray:
    """[H, W, C] uint8 -> [resolution, resolution, C], averaging over pixels."""
    if image.shape[0] == resolution:
        return image
    picture = Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image)
    return np.asarray(picture.resize((resolution, resolution), Image.Resampling.BOX)).reshape(
        resolution, resolution, -1
    )


def shape_of(path: pathlib.Path) -> tuple[int, int, int] | str:
    """(H, W, 1 or 3) by the file's header, or what is wrong with it."""
    try:
        with Image.open(path) as image:
            if image.mode in CHANNELS:
                return (image.height, image.width, CHANNELS[image.mode])
            return f"its colour mode {image.mode} is neither 8-bit grey nor RGB"
    except READ_ERRORS as err:
        return str(err) or type(err).__name__


def read_image(path: pathlib.Path, channels: int, resolution: int) -> np.ndarray:
    """[resolution, resolution, channels] uint8. Raises one of READ_ERRORS if the file is damaged."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return resized(pixels.reshape(*pixels.shape[:2], channels), resolution)


class ImageFiles:
    """Files that read like an array [N, H, W, C] uint8: a slice is again such an object, rows are decoded.

    Raises InputError on reading a damaged file.
    """

    def __init__(self, paths: Sequence[pathlib.Path], channels: int, resolution: int):
        self.paths, self.channels, self.resolution = paths, channels, resolution
        self.shape = (len(paths), resolution, resolution, channels)

    def __len__(self) -> int:
        return len(self.paths)

    def select(self, rows: Sequence[int]) -> "ImageFiles":
        """The files of some rows, not decoded."""
        return ImageFiles([self.paths[row] for row in rows], self.channels, self.resolution)

    def __getitem__(self, rows: slice | int | np.ndarray):
        if isinstance(rows, slice):
            return self.select(range(len(self))[rows])
        if np.ndim(rows):
            return np.stack([self[row] for row in rows])
        path = self.paths[rows]
        try:
            return read_image(path, self.channels, self.resolution)
        except READ_ERRORS as err:
            raise InputError(f"the image {path} cannot be read ({err}): replace it or take out its row") from err

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self[np.arange(len(self))], dtype)
