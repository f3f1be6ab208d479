"""Images that are on both sides of a split are found by their pixels, or by the bytes of their files."""

import numpy as np
from PIL import Image

from cdae_jax.data.copies import copies
from cdae_jax.data.framing import Framing
from cdae_jax.data.image_files import ImageFiles, read_all

IMAGES = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 1)).astype(np.uint8)
TRAIN, TEST = np.array([3, 1, 0, 2, 4]), np.array([6, 7, 5])


def test_copies_are_found_pixel_by_pixel():
    assert copies(IMAGES, IMAGES, TRAIN, TEST) == []
    doubled = IMAGES[[0, 1, 2, 1, 4, 1, 6, 4]]
    assert copies(doubled, doubled, TRAIN, TEST) == [(4, 7), (3, 5)]


def test_what_is_the_same_only_after_resizing_is_no_copy(tmp_path):
    large = IMAGES.repeat(2, 1).repeat(2, 2)
    for i, image in enumerate(large[[0, 1, 2, 3, 4, 0, 1, 7]]):
        if i == 5:  # another image of the same means
            image[:2, :2, 0] ^= np.array([[1, 0], [0, 0]], np.uint8)
        Image.fromarray(image[..., 0]).save(tmp_path / f"{i}.png")
    paths = [tmp_path / f"{i}.png" for i in range(8)]
    loaded = read_all(paths, paths, "here", Framing(4, 1))
    np.testing.assert_array_equal(loaded[5], loaded[0])
    assert copies(paths, loaded, TRAIN, TEST) == [(1, 6)]


def test_copies_of_files_are_found_without_decoding(tmp_path):
    paths = [tmp_path / f"{i}.bmp" for i in range(8)]  # all of one size in bytes
    for path, image in zip(paths, IMAGES, strict=True):
        Image.fromarray(image[..., 0]).save(path)
    paths[6].write_bytes(paths[2].read_bytes())
    paths[3].write_bytes(b"no image, and of a size of its own")
    assert copies(paths, ImageFiles(paths, Framing(4, 1)), TRAIN, TEST) == [(2, 6)]
