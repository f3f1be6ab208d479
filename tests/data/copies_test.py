"""Images that are on both sides of a split are found by their pixels, or by the bytes of their files."""

import numpy as np
from PIL import Image

from cdae_jax.data.copies import copies
from cdae_jax.data.framing import Framing
from cdae_jax.data.image_files import ImageFiles

IMAGES = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 1)).astype(np.uint8)


def test_copies_are_found_pixel_by_pixel():
    assert copies(IMAGES[:5], IMAGES[5:]) == []
    assert copies(IMAGES[[0, 1, 2, 1]], IMAGES[[5, 1, 6, 1, 0]]) == [(1, 1), (1, 3), (0, 4)]


def test_copies_of_files_are_found_without_decoding(tmp_path):
    paths = [tmp_path / f"{i}.bmp" for i in range(8)]  # all of one size in bytes
    for path, image in zip(paths, IMAGES, strict=True):
        Image.fromarray(image[..., 0]).save(path)
    paths[6].write_bytes(paths[2].read_bytes())
    paths[3].write_bytes(b"no image, and of a size of its own")
    train, test = (ImageFiles(part, Framing(4, 1)) for part in (paths[:5], paths[5:]))
    assert copies(train, test) == [(2, 1)]
