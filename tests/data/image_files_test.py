"""Image files that read like an array, what their headers say, and what is said of all of them."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from cdae_jax.data.framing import Framing
from cdae_jax.data.image_files import (
    READ_ERRORS,
    ImageFiles,
    Look,
    described,
    look_at,
    look_at_all,
    read_all,
    read_image,
    warn_of_dark,
)
from cdae_jax.errors import InputError

GRAY = Framing(4, 1)


@pytest.fixture
def paths(tmp_path):
    """Five grey images, the i-th all 10 i."""
    for i in range(5):
        Image.fromarray(np.full((4, 4), 10 * i, np.uint8)).save(tmp_path / f"{i}.png")
    return [tmp_path / f"{i}.png" for i in range(5)]


def test_rows_are_read_and_slices_are_not(paths):
    files = ImageFiles(paths, GRAY)
    assert files.shape == (5, 4, 4, 1) and len(files) == 5
    assert files[np.array([3, 1])][:, 0, 0, 0].tolist() == [30, 10] and files[2].shape == (4, 4, 1)
    paths[0].write_bytes(b"no image")
    later = files[1:]
    assert isinstance(later, ImageFiles) and np.asarray(later)[:, 0, 0, 0].tolist() == [10, 20, 30, 40]
    assert np.asarray(files.select([4, 4]), np.float32)[:, 0, 0, 0].tolist() == [40, 40]
    with pytest.raises(InputError, match=r"the image .*0\.png cannot be read .*: replace it or take out its row"):
        np.asarray(files)


@pytest.mark.parametrize(
    ("mode", "look"),
    [
        ("L", Look(6, 4, True)),
        ("1", Look(6, 4, True)),
        ("LA", Look(6, 4, True, alpha=True)),
        ("RGB", Look(6, 4, False)),
        ("RGBA", Look(6, 4, False, alpha=True)),
        ("P", Look(6, 4, False)),
        ("I;16", Look(6, 4, True, deep=True)),
    ],
)
def test_a_header_says_what_an_image_is(tmp_path, mode, look):
    picture = Image.new(mode, (6, 4))
    picture.save(tmp_path / "image.png")
    assert look_at(tmp_path / "image.png") == look_at(picture) == look


def test_an_array_says_it_by_its_shape():
    assert look_at(np.zeros((4, 6), np.uint8)) == look_at(np.zeros((4, 6, 1))) == Look(6, 4, True)
    assert look_at(np.zeros((4, 6, 4), np.uint16)) == Look(6, 4, False, True, True)


def test_height_and_width_are_those_that_viewers_show_and_frames_are_counted(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("jpg", "png", "webp", "tif"):
        Image.new("RGB", (6, 4)).save(tmp_path / f"image.{kind}", exif=exif)
        assert look_at(tmp_path / f"image.{kind}")[:2] == (4, 6)
    Image.new("L", (6, 4)).save(tmp_path / "stack.tif", save_all=True, append_images=[Image.new("L", (6, 4), 9)])
    assert look_at(tmp_path / "stack.tif").frames == 2
    assert (read_image(tmp_path / "stack.tif", GRAY) == 0).all()


def test_another_mode_and_another_file_are_named(tmp_path, paths):
    Image.new("LAB", (4, 4)).save(tmp_path / "lab.tif")
    assert look_at(tmp_path / "lab.tif") == "its colour mode is LAB: save it as gray or RGB"
    (tmp_path / "notes.png").write_text("precious")
    assert "cannot identify image file" in look_at(tmp_path / "notes.png")
    named = ["0", "1", "2", "3", "4", "lab.tif", "notes.png"]
    with pytest.raises(InputError, match=r"2 images in here cannot be read: lab.tif, notes.png \(the first: its col"):
        look_at_all([*paths, tmp_path / "lab.tif", tmp_path / "notes.png"], named, "here")


@pytest.mark.filterwarnings("ignore")  # Pillow warns of what is odd in a file
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_a_damaged_file_is_never_more_than_a_sentence(tmp_path, kind):
    rng, file = np.random.default_rng(0), io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (24, 20, 3)).astype(np.uint8)).save(file, kind)
    data, path, refused = file.getvalue(), tmp_path / "image", 0
    for i in range(90):
        content = bytearray(data)
        places = rng.integers(0, min(len(data), 400), 1 + i % 20)
        content[places[0] :: len(data)] = b"\xff"
        for place in places:
            content[place] = rng.integers(256)
        path.write_bytes(content[: rng.integers(len(data))] if i % 3 else content)
        looked = look_at(path)
        try:
            read_image(path, GRAY)
        except READ_ERRORS:
            refused += 1
        assert isinstance(looked, (str, Look))
    assert refused > 20


def test_damage_behind_the_header_is_named_on_reading(paths):
    noise = np.random.default_rng(0).integers(0, 255, (8, 8)).astype(np.uint8)
    Image.fromarray(noise).save(paths[2])
    paths[2].write_bytes(paths[2].read_bytes()[:-40])
    names = [path.name for path in paths]
    assert not any(look.alpha for look in look_at_all(paths, names, "here"))
    with pytest.raises(InputError, match=r"1 images in here cannot be read: 2.png \(.*\); replace or remove them"):
        read_all(paths, names, "here", GRAY)
    mixed = [Image.new("L", (4, 4), 7), np.full((4, 4), 0.5)]
    assert read_all(mixed, ["0", "1"], "here", GRAY)[:, 0, 0, 0].tolist() == [7, 128]


def looks(*sizes, **fields):
    return [Look(*size, True, **fields) for size in sizes]


@pytest.mark.parametrize(
    ("of", "changes", "lines"),
    [
        (looks((64, 64), (64, 64)), {}, []),
        (looks((32, 32)), {}, ["1 images of 32 x 32 are resized to 64 x 64"]),
        (
            looks((640, 480), (640, 480)),
            {},
            ["2 images of 640 x 480 are cropped at the centre to 480 x 480 and resized to 64 x 64"],
        ),
        (
            looks((640, 480)),
            {"fit": "pad"},
            ["1 images of 640 x 480 are padded with white to 640 x 640 and resized to 64 x 64"],
        ),
        (looks((640, 480)), {"fit": "stretch"}, ["1 images of 640 x 480 are stretched to 64 x 64"]),
        (
            looks((80, 80)),
            {"kept": 0.8},
            ["1 images of 80 x 80 are cropped at the centre to 64 x 64"],
        ),
        (looks((64, 80)), {}, ["1 images of 64 x 80 are cropped at the centre to 64 x 64"]),
        (
            looks((640, 480), (64, 64), (100, 90)),
            {},
            ["3 images of 64 x 64 to 640 x 480 are cropped at the centre to squares and resized to 64 x 64"],
        ),
        ([*looks((64, 64)), Look(64, 64, False)], {"channels": 3}, ["1 gray images become RGB"]),
        ([Look(64, 64, False)], {"channels": 1}, ["1 images in colour become gray"]),
        (
            looks((64, 64), alpha=True, deep=True, frames=3),
            {},
            [
                "1 with transparency are laid over white; 1 of more than 8 bits are scaled so that 65535 (1 for floats)"
                " is white; of 1 with several frames the first is taken"
            ],
        ),
        (
            looks((64, 64), deep=True),
            {"white_level": 4095.0},
            ["1 of more than 8 bits are scaled so that 4095 is white"],
        ),
    ],
)
def test_what_is_done_is_said_in_two_lines(of, changes, lines):
    assert described(of, Framing(**{"resolution": 64, "channels": 1} | changes)) == lines


def test_12_bits_in_16_are_warned_about(tmp_path):
    deep = [np.full((4, 4), level, np.uint16) for level in (700, 4000)]
    Image.fromarray(deep[0]).save(tmp_path / "deep.png")
    images = [tmp_path / "deep.png", Image.fromarray(deep[1]), np.zeros((4, 4), np.uint8)]
    for shown in (images, [*deep, images[2]]):
        found = [look_at(image) for image in shown]
        with pytest.warns(UserWarning, match="65535 is white, but .* nothing above 4000: .*white_level=4095"):
            warn_of_dark(shown, found, GRAY)
        with warnings.catch_warnings(action="error"):
            warn_of_dark(shown, found, Framing(4, 1, white_level=65535))
            warn_of_dark([np.full((4, 4), 30_000, np.uint16)], [Look(4, 4, True, deep=True)], GRAY)


def test_files_of_16_bit_colour_are_known_as_such(tmp_path):
    """Pillow reads the high byte of each number."""
    rows = np.full((4, 4, 3), 16383, ">u2")
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0))]
    chunks += [(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))), (b"IEND", b"")]
    data = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    path = tmp_path / "deep.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    look = look_at(path)
    assert look.deep and not look.gray
    with pytest.warns(UserWarning, match="nothing above 63: Pillow reads files of 16-bit colour at 8 bits"):
        warn_of_dark([path], [look], Framing(4, 3))
    with pytest.raises(ValueError, match="no white_level holds: store an array of uint16"):
        read_image(path, Framing(4, 3, white_level=16383))


def test_an_array_of_another_shape_is_no_image():
    assert "its shape is (64,)" in look_at(np.zeros(64))
