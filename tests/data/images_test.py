"""Images as people have them: every form is the same images, and what is none is named."""

import os
import types

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cdae_jax.data.framing import Framing
from cdae_jax.data.image_files import ImageFiles
from cdae_jax.data.images import collect, load, prepare
from cdae_jax.errors import InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 6, 6, 3)).astype(np.uint8)
RGB = Framing(6, 3)


@pytest.fixture
def folder(tmp_path):
    for i, image in enumerate(IMAGES):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    return tmp_path


def test_every_form_gives_the_same_images(folder, tmp_path_factory):
    arrays = tmp_path_factory.mktemp("arrays")
    np.savez(arrays / "images.npz", images=IMAGES)
    np.save(arrays / "images.npy", IMAGES)
    paths = [folder / f"{i}.png" for i in range(12)]
    forms = (
        *(folder, str(folder), arrays / "images.npz", str(arrays / "images.npy")),
        *(paths, map(str, paths), pd.Series(map(str, paths)), np.array(list(map(str, paths)))),
        *(IMAGES, IMAGES / 255, (IMAGES / 255).astype(np.float32), IMAGES * np.uint16(257), IMAGES.tolist()),
        *(list(IMAGES), [Image.fromarray(image) for image in IMAGES], types.SimpleNamespace(images=IMAGES)),
        *(ImageFiles(paths, RGB), (image for image in IMAGES), [*paths[:6], *map(str, paths[6:])]),
    )
    for form in forms:
        np.testing.assert_array_equal(prepare(form, RGB), IMAGES)


def test_one_image_may_stand_alone(folder):
    for form in (folder / "3.png", IMAGES[3], Image.fromarray(IMAGES[3]), [IMAGES[3]], IMAGES[3:4]):
        np.testing.assert_array_equal(prepare(form, RGB), IMAGES[3:4])
    gray = Framing(6, 1)
    for form in (IMAGES[3, ..., 0], IMAGES[3, ..., :1], IMAGES[3:4, ..., 0], IMAGES[3:4, ..., :1]):
        np.testing.assert_array_equal(prepare(form, gray), IMAGES[3:4, ..., :1])
    np.testing.assert_array_equal(prepare(IMAGES[..., 0], gray), IMAGES[..., :1])


def test_images_of_all_sizes_are_brought_to_one(folder):
    Image.fromarray(IMAGES[0]).resize((60, 40)).save(folder / "0.png")
    Image.fromarray(IMAGES[1, ..., 0]).resize((12, 18)).save(folder / "1.png")
    assert prepare(folder, RGB).shape == (12, 6, 6, 3)
    assert prepare([np.zeros((9, 8), np.uint8), Image.new("RGBA", (30, 20))], Framing(5, 1)).shape == (2, 5, 5, 1)


def test_names_are_those_of_files_in_natural_order(folder):
    assert collect(folder).names == [f"{i}.png" for i in range(12)]
    assert collect(folder / "3.png").names == ["3.png"] and collect(IMAGES[:2]).names == ["0", "1"]
    assert collect([folder / "3.png"]).names == [str(folder / "3.png")]


def test_loading_finds_out_the_channels_and_says_what_is_done(folder, capsys):
    assert load(collect(folder), RGB).shape == (12, 6, 6, 3)
    assert capsys.readouterr().out == ""
    assert load(collect(IMAGES[..., :1]), Framing(3, 0)).shape == (12, 3, 3, 1)
    assert capsys.readouterr().out == "12 images of 6 x 6 are resized to 3 x 3\n"
    for i in range(2):
        Image.fromarray(IMAGES[i, ..., 0]).save(folder / f"{i}.png")
    assert load(collect(folder), Framing(6, 0)).shape == (12, 6, 6, 3)
    assert capsys.readouterr().out == "2 gray images become RGB\n"
    lazy = load(collect(folder), Framing(6, 0), max_memory_gib=1e-9)
    assert isinstance(lazy, ImageFiles) and lazy.shape == (12, 6, 6, 3)
    np.testing.assert_array_equal(np.asarray(lazy), prepare(folder, RGB))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere", "there are no images at 'nowhere': expected a folder or an image that exists"),
        (["nowhere.png"], "1 of 1 images do not exist: nowhere.png"),
        (["nowhere.png", 3], "the list of images has paths and 3: expected paths alone"),
        (None, r"the images of what was given are object of shape \(\): expected uint8"),
        (7, "expected uint8"),
        ([], "expected uint8"),
        ([[1, 2], [3]], "the images are no array .*: give one array, or a list of arrays"),
        (IMAGES.transpose(0, 3, 1, 2), r"channels first: give np.moveaxis\(images, 1, -1\)"),
        (IMAGES[0].transpose(2, 0, 1), r"if that is one image .* np.moveaxis\(images, 0, -1\), .* images\[..., None\]"),
        (
            list(IMAGES.transpose(0, 3, 1, 2)),
            r"12 images in what was given cannot be read: 0, .* \(3, 6, 6\)",
        ),
        (IMAGES / 127.5 - 1, r"values go from -1 to .*; \(images \+ 1\) / 2 brings -1..1 there"),
        (IMAGES[0].astype(float), "images / 255"),
        (np.full((2, 6, 6), np.nan), "from nan to nan"),
        (np.array([["a"]]), "are <U1 of shape"),
    ],
)
def test_what_is_no_image_is_named(source, message):
    with pytest.raises(InputError, match=message):
        prepare(source, RGB)


def test_a_folder_without_images_is_named(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="has no images: expected files that end in png, jpg"):
        collect(tmp_path)
    (tmp_path / "x.npz").write_bytes(b"no array")
    with pytest.raises(InputError, match=r"x.npz cannot be read as .npz"):
        collect(os.fspath(tmp_path / "x.npz"))


def test_nearly_black_images_are_warned_about():
    """Masks of 0 and 1 kept as bytes, say."""
    masks = (IMAGES > 100).astype(np.uint8)
    with pytest.warns(UserWarning, match="nothing in the 12 images of .* is brighter than 1 of 255: multiply masks"):
        load(collect(masks), Framing(6, 0))
    load(collect(masks * np.uint8(255)), Framing(6, 0))
    load(collect(np.zeros_like(masks)), Framing(6, 0))


def test_floats_may_be_a_rounding_beyond_the_range():
    found = prepare(np.float32([[[0.0, 1.0000001], [-1e-7, 0.5]]]), Framing(2, 1))
    np.testing.assert_array_equal(found[0, ..., 0], [[0, 255], [0, 128]])
