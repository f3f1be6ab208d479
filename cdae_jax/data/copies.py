"""The same image on both sides of a split."""

import concurrent.futures
import hashlib
from collections.abc import Sequence

import numpy as np

from cdae_jax.data.image_files import THREADS, ImageFiles


def _digest(data) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _keys(train: ImageFiles, test: ImageFiles) -> tuple[list, list]:
    """Of each file a hash of its bytes, or its size alone where no file of the other side has that."""
    sizes = [[path.stat().st_size for path in part.paths] for part in (train, test)]
    shared = set(sizes[0]) & set(sizes[1])
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return tuple(
            list(pool.map(lambda path, size: _digest(path.read_bytes()) if size in shared else size, part.paths, of))
            for part, of in zip((train, test), sizes, strict=True)
        )


def copies(train: Sequence | np.ndarray, test: Sequence | np.ndarray) -> list[tuple[int, int]]:
    """(row of train, row of test) for every test image that is in train too: pixel by pixel, or, of `ImageFiles`, which
    are not decoded for it, byte by byte."""
    if isinstance(train, ImageFiles):
        train_keys, test_keys = _keys(train, test)
    else:
        train_keys, test_keys = ([_digest(image.tobytes()) for image in part] for part in (train, test))
    row_of = {key: row for row, key in reversed(list(enumerate(train_keys)))}  # the first one stays
    return [(row_of[key], row) for row, key in enumerate(test_keys) if key in row_of]
