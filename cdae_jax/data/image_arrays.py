"""Images that are stored as arrays, in .npz and .npy files."""

import pathlib
import tokenize
import zipfile
import zlib

import numpy as np

from cdae_jax.data.framing import DEPTHS
from cdae_jax.data.table import some
from cdae_jax.errors import InputError

SUFFIXES = (".npz", ".npy")
EXPECTED = "expected uint8, uint16, bool, or floats from 0 to 1 of shape (N, H, W) or (N, H, W, 1 or 3 or 4)"
# What NumPy raises for a file that is cut off, damaged, encrypted, pickled or of another format.
READ_ERRORS = (
    *(OSError, ValueError, TypeError, EOFError, KeyError, RuntimeError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)


def check_stack(images: np.ndarray, where: str) -> None:
    """Raises InputError for an array that is not [N, H, W] or [N, H, W, 1 | 3 | 4] of numbers."""
    found = f"the images of {where} are {images.dtype} of shape {images.shape}"
    if images.ndim == 4 and images.shape[1] in DEPTHS and images.shape[-1] not in DEPTHS:
        raise InputError(f"{found}, the channels first: give np.moveaxis(images, 1, -1)")
    is_stack = images.ndim == 3 or (images.ndim == 4 and images.shape[-1] in DEPTHS)
    if not is_stack or 0 in images.shape or images.dtype.kind not in "biuf":
        raise InputError(f"{found}: {EXPECTED}")


def load_array(path: pathlib.Path) -> np.ndarray:
    """The images of an .npy file, or of an .npz file: its array "images", or else the only one of three or four axes.
    Raises InputError if there is none, or for what `check_stack` refuses."""
    try:
        if path.suffix == ".npy":
            images = np.lib.format.open_memmap(path, mode="r")
        else:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                images = stored[_name_of_images(path, stored)]
    except InputError:
        raise
    except READ_ERRORS as err:
        raise InputError(
            f"{path} cannot be read as {path.suffix} ({' '.join(str(err).split()) or type(err).__name__}): write it"
            " again with np.savez, without pickled objects"
        ) from err
    check_stack(images, str(path))
    return images


def _name_of_images(path: pathlib.Path, stored: np.lib.npyio.NpzFile) -> str:
    if "images" in stored.files:
        return "images"
    stacks = [name for name in stored.files if stored[name].ndim in (3, 4)]
    if len(stacks) != 1:
        raise InputError(
            f"{path} has no array 'images', but {some(map(repr, stored.files)) or 'none at all'}:"
            " save the one of the images as 'images'"
        )
    return stacks[0]


def load_context(path: pathlib.Path) -> np.ndarray | None:
    """The array "context" of an .npz file that `load_array` has read; None without one. Raises InputError if broken."""
    if path.suffix != ".npz":
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return stored.get("context")
    except READ_ERRORS as err:
        raise InputError(f"the context of {path} cannot be read ({err}): write the file again") from err
