"""Finds images that are on both sides of a split."""

import concurrent.futures
import hashlib
from collections.abc import Sequence

import numpy as np

from cdae_jax.data.framing import picture_of
from cdae_jax.data.image_files import THREADS, ImageFiles, Picture, opened_image


def _digest(*parts: bytes) -> bytes:
    return hashlib.blake2b(b"".join(parts), digest_size=16).digest()


def _digest_of_picture(image: Picture, white_level: float) -> bytes:
    with opened_image(image) as opened:
        picture = picture_of(opened, white_level).convert("RGBA")
        return _digest(repr(picture.size).encode(), picture.tobytes())


def copies(
    images: Sequence[Picture],
    loaded: np.ndarray | ImageFiles,
    train: np.ndarray,
    test: np.ndarray,
    white_level: float = 0.0,
) -> list[tuple[int, int]]:
    """(training row, test row) for every test image that is also a training image. Images are compared by their pixels
    at full size; `ImageFiles`, which are not decoded for this, by their bytes.

    Args:
      images, loaded: all images, as they are and as `images.load` returns them.
      train, test: rows of both.
    """
    if isinstance(loaded, ImageFiles):
        cheap = [path.stat().st_size for path in loaded.paths]
    else:
        cheap = [_digest(image.tobytes()) for image in loaded]
    shared = {cheap[row] for row in train} & {cheap[row] for row in test}

    rows = [[row for row in part.tolist() if cheap[row] in shared] for part in (train, test)]

    def sure(row: int) -> bytes:
        if isinstance(loaded, ImageFiles):
            return _digest(loaded.paths[row].read_bytes())
        return _digest_of_picture(images[row], white_level)

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        of_train, of_test = (list(pool.map(sure, part)) for part in rows)
    row_of = dict(zip(of_train[::-1], rows[0][::-1], strict=True))  # the first of several
    return [(row_of[key], row) for key, row in zip(of_test, rows[1], strict=True) if key in row_of]
