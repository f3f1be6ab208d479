"""Reads MNIST's four IDX files from a folder and checks them."""

import gzip
import hashlib
import pathlib

import numpy as np

from cdae_jax.errors import InputError

# md5 of the unzipped files.
CHECKSUMS = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
_HEADER_BYTES = {"images": 16, "labels": 8}


def _read_file(folder: pathlib.Path, name: str) -> bytes:
    plain, zipped = folder / name, folder / f"{name}.gz"
    if plain.is_file():
        content = plain.read_bytes()
    elif zipped.is_file():
        try:
            content = gzip.decompress(zipped.read_bytes())
        except (OSError, EOFError) as err:
            raise InputError(f"{zipped} is not a readable gzip file ({err}): fetch it again") from err
    else:
        raise InputError(
            f"the MNIST folder {str(folder)!r} has neither {name} nor {name}.gz:"
            f" set --config.data.mnist_dir to a folder with the four files {', '.join(CHECKSUMS)}"
        )
    digest = hashlib.md5(content).hexdigest()
    if digest != CHECKSUMS[name]:
        raise InputError(
            f"{name} in {str(folder)!r} has the md5 {digest}, but MNIST's is {CHECKSUMS[name]}: fetch the file again"
        )
    return content


def load_mnist(folder: str | pathlib.Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """MNIST's "train" (60,000) or "test" (10,000) split.

    Returns:
      images [N, 28, 28] uint8 and digits [N] int32.

    Raises:
      InputError: a file is missing, unreadable or has a wrong checksum.
    """
    prefix = {"train": "train", "test": "t10k"}[split]
    folder = pathlib.Path(folder)
    images = _read_file(folder, f"{prefix}-images-idx3-ubyte")[_HEADER_BYTES["images"] :]
    digits = _read_file(folder, f"{prefix}-labels-idx1-ubyte")[_HEADER_BYTES["labels"] :]
    return (
        np.frombuffer(images, np.uint8).reshape(-1, 28, 28),
        np.frombuffer(digits, np.uint8).astype(np.int32),
    )
