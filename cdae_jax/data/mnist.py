"""MNIST's four IDX files: read from a folder and checked, or fetched; and scikit-learn's digits in their place."""

import gzip
import hashlib
import http.client
import pathlib
import urllib.request
import zlib

import numpy as np
from scipy import ndimage

from cdae_jax.errors import InputError
from cdae_jax.paths import make_folder, write_whole
from cdae_jax.progress import tqdm

# md5 of the unzipped files.
CHECKSUMS = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
URL = "https://ossci-datasets.s3.amazonaws.com/mnist"  # serves the four files, gzipped
NUM_TEST_DIGITS = 297  # of scikit-learn's 1,797 digits


class NoNetworkError(InputError):
    """MNIST could not be fetched."""


def _check(content: bytes, name: str, source: str) -> None:
    digest = hashlib.md5(content).hexdigest()
    if digest != CHECKSUMS[name]:
        raise InputError(f"{source} has the md5 {digest}, but MNIST's is {CHECKSUMS[name]}: fetch the file again")


def read_content(folder: pathlib.Path, name: str) -> bytes | None:
    """The content of a file in a folder, gzipped or not; None if there is none. Raises InputError for broken gzip."""
    plain, zipped = folder / name, folder / f"{name}.gz"
    if plain.is_file():
        return plain.read_bytes()
    if not zipped.is_file():
        return None
    try:
        return gzip.decompress(zipped.read_bytes())
    except (OSError, EOFError, zlib.error) as err:
        raise InputError(f"{zipped} is not a readable gzip file ({err}): fetch it again") from err


def _read_file(folder: pathlib.Path, name: str) -> bytes:
    content = read_content(folder, name)
    if content is None:
        raise InputError(
            f"the MNIST folder {str(folder)!r} has neither {name} nor {name}.gz:"
            f" set --config.data.mnist_dir to a folder with the four files {', '.join(CHECKSUMS)}"
        )
    _check(content, name, f"{name} in {str(folder)!r}")
    return content


def load_mnist(folder: str | pathlib.Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """MNIST's "train" (60,000) or "test" (10,000) split: images [N, 28, 28] uint8 and digits [N] int32.

    Raises InputError for a file that is missing, unreadable or has a wrong checksum.
    """
    folder, prefix = pathlib.Path(folder), {"train": "train", "test": "t10k"}[split]
    images = np.frombuffer(_read_file(folder, f"{prefix}-images-idx3-ubyte"), np.uint8, offset=16)
    digits = np.frombuffer(_read_file(folder, f"{prefix}-labels-idx1-ubyte"), np.uint8, offset=8)
    return images.reshape(-1, 28, 28), digits.astype(np.int32)


def download_mnist(folder: pathlib.Path) -> None:
    """Fetches those of the four files, gzipped, that are not in a folder yet.

    Each is checked before it gets its name, so that a reader never sees half a file. Raises NoNetworkError if a
    download fails, and InputError for a wrong checksum or a folder that cannot be made.
    """
    make_folder(folder, "--config.data.data_dir")
    for name in tqdm([name for name in CHECKSUMS if not (folder / f"{name}.gz").is_file()], "MNIST", unit="file"):
        try:
            with urllib.request.urlopen(f"{URL}/{name}.gz", timeout=10) as response:
                zipped = response.read()
            content = gzip.decompress(zipped)
        except (OSError, EOFError, zlib.error, http.client.HTTPException) as err:
            raise NoNetworkError(
                f"{name}.gz could not be fetched from {URL} ({err}):"
                " set --config.data.mnist_dir to a folder with MNIST's four files"
            ) from err
        _check(content, name, f"{URL}/{name}.gz")
        write_whole(folder / f"{name}.gz", zipped)


def small_digits(split: str) -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's 8 x 8 handwritten digits, enlarged to 20 pixels in a 28 x 28 frame as MNIST's are.

    Images [N, 28, 28] uint8 and digits [N] int32: the last 297 for "test", the others for "train".
    """
    from sklearn.datasets import load_digits  # takes three seconds to import

    digits = load_digits()
    rows = slice(-NUM_TEST_DIGITS, None) if split == "test" else slice(0, -NUM_TEST_DIGITS)
    large = ndimage.zoom(digits.images[rows] * (255 / 16), (1, 2.5, 2.5), order=3, mode="grid-constant", grid_mode=True)
    framed = np.pad(np.clip(np.rint(large), 0, 255).astype(np.uint8), ((0, 0), (4, 4), (4, 4)))
    return framed, digits.target[rows].astype(np.int32)
