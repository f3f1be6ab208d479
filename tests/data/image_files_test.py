"""Image files that read like an array."""

import numpy as np
import pytest
from PIL import Image

from cdae_jax.data.image_files import ImageFiles, read_image, resized, shape_of
from cdae_jax.errors import InputError


@pytest.fixture
def paths(tmp_path):
    """Five grey images, the i-th all 10 i."""
    for i in range(5):
        Image.fromarray(np.full((4, 4), 10 * i, np.uint8)).save(tmp_path / f"{i}.png")
    return [tmp_path / f"{i}.png" for i in range(5)]


def test_rows_are_read_and_slices_are_not(paths):
    files = ImageFiles(paths, channels=1, resolution=4)
    assert files.shape == (5, 4, 4, 1) and len(files) == 5
    assert files[np.array([3, 1])][:, 0, 0, 0].tolist() == [30, 10] and files[2].shape == (4, 4, 1)
    paths[0].write_bytes(b"no image")
    later = files[1:]
    assert isinstance(later, ImageFiles) and np.asarray(later)[:, 0, 0, 0].tolist() == [10, 20, 30, 40]
    assert np.asarray(files.select([4, 4]), np.float32)[:, 0, 0, 0].tolist() == [40, 40]
    with pytest.raises(InputError, match=r"the image .*0\.png cannot be read .*: replace it or take out its row"):
        np.asarray(files)


def test_images_are_resized_by_averaging_over_pixels():
    checks = (np.indices((8, 8)).sum(0) % 2 * 200).astype(np.uint8)
    for image in (checks[..., None], np.stack([checks] * 3, -1)):
        small = resized(image, 4)
        assert small.shape == (4, 4, image.shape[-1]) and (small == 100).all()
        assert resized(image, 8) is image


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("1", 1), ("LA", 1), ("RGB", 3), ("RGBA", 3), ("P", 3)])
def test_a_header_says_height_width_and_channels(tmp_path, mode, channels):
    Image.new(mode, (6, 4)).save(tmp_path / "image.png")
    assert shape_of(tmp_path / "image.png") == (4, 6, channels)
    assert read_image(tmp_path / "image.png", channels, 4).shape == (4, 6, channels)


def test_another_mode_and_another_file_are_named(tmp_path):
    Image.new("I;16", (4, 4)).save(tmp_path / "deep.png")
    assert shape_of(tmp_path / "deep.png") == "its colour mode I;16 is neither 8-bit grey nor RGB"
    (tmp_path / "notes.png").write_text("precious")
    assert "cannot identify image file" in shape_of(tmp_path / "notes.png")
