"""Images of any size, mode and type, brought to one: against NumPy, and against what every viewer shows."""

import io

import numpy as np
import pytest
from PIL import Image

from cdae_jax.data.framing import Framing, as_bytes, framed, framing_of, is_deep, picture_of
from cdae_jax.data.settings import CelebA, Custom, Pendulum

RNG = np.random.default_rng(0)


def stored(picture, kind="PNG", **options):
    """A picture as it comes back from a file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return Image.open(file)


def gray(resolution, **changes):
    return Framing(resolution, 1, **changes)


def test_shrinking_is_the_mean_over_areas_and_growing_is_linear():
    checks = (np.indices((8, 8)).sum(0) % 2 * 200).astype(np.uint8)
    assert (framed(checks, gray(4)) == 100).all()
    noise = RNG.integers(0, 256, (12, 12, 3)).astype(np.uint8)
    mean = noise.reshape(4, 3, 4, 3, 3).mean((1, 3))
    assert np.abs(framed(noise, Framing(4, 3)) - mean).max() <= 1  # rounded after each axis
    ramp = np.repeat(np.arange(0, 200, 20, np.uint8)[None], 10, 0)
    large = framed(ramp, gray(20))[7, :, 0].astype(int)
    assert (np.diff(large[1:-1]) == 10).all()
    np.testing.assert_array_equal(framed(noise, Framing(12, 3)), noise)


def test_an_image_that_is_not_square_is_cropped_padded_or_stretched():
    wide = np.repeat(np.arange(1, 9, dtype=np.uint8)[None] * 10, 4, 0)  # 8 wide, 4 high
    np.testing.assert_array_equal(framed(wide, gray(4))[..., 0], wide[:, 2:6])
    np.testing.assert_array_equal(framed(wide.T, gray(4))[..., 0], wide.T[2:6])
    for background, value in (("white", 255), ("black", 0)):
        padded = framed(wide, gray(8, fit="pad", background=background))[..., 0]
        np.testing.assert_array_equal(padded[2:6], wide)
        assert (padded[[0, 1, 6, 7]] == value).all()
    np.testing.assert_array_equal(framed(wide, gray(4, fit="stretch"))[0, :, 0], [15, 35, 55, 75])
    assert framed(wide[:, :7], gray(4)).shape == (4, 4, 1)  # an odd rest on one side


def test_a_crop_keeps_as_much_of_the_shorter_side_as_it_is_told():
    image = RNG.integers(0, 256, (218, 178, 3)).astype(np.uint8)
    celeba = CelebA(name="celeba", resolution=150, train_size=1, test_size=1)
    framing = framing_of(celeba, 3)
    np.testing.assert_array_equal(framed(image, framing), image[34:184, 14:164])
    twice = image.repeat(2, 0).repeat(2, 1)  # the same of an image of another size
    np.testing.assert_array_equal(framed(twice, framing), image[34:184, 14:164])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_photos_are_upright_as_their_exif_data_say(kind, orientation):
    """Orientation k means: undo what was done here to see the bright corner at the upper left."""
    t = Image.Transpose
    undone = [None, t.FLIP_LEFT_RIGHT, t.ROTATE_180, t.FLIP_TOP_BOTTOM, t.TRANSPOSE, t.ROTATE_90, t.TRANSVERSE]
    undone.append(t.ROTATE_270)
    scene = np.zeros((16, 32), np.uint8)
    scene[:8, :16], scene[:8, 16:] = 255, 120
    picture, exif = Image.fromarray(scene).convert("RGB"), Image.Exif()
    exif[0x0112] = orientation
    if orientation > 1:
        picture = picture.transpose(undone[orientation - 1])
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100}}.get(kind, {})
    found = framed(stored(picture, kind, exif=exif, **options), gray(32, fit="pad", background="black"))
    assert np.abs(found[8:24, :, 0].astype(int) - scene).max() < 8


def test_exif_data_that_nobody_can_read_say_nothing():
    picture = Image.fromarray(RNG.integers(0, 256, (8, 8)).astype(np.uint8))
    np.testing.assert_array_equal(framed(stored(picture, exif=b"Exif\0\0nonsense"), gray(8))[..., 0], picture)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P", "RGBa", "La"])
@pytest.mark.parametrize(("background", "value"), [("white", 255), ("black", 0)])
def test_what_lies_under_transparency_is_never_seen(mode, background, value):
    hidden = Image.new("RGBA", (4, 4), (200, 30, 30, 0))
    hidden.paste((90, 90, 90, 255), (0, 0, 4, 2))
    if mode == "P":
        picture = Image.new("P", (4, 4), 1)
        picture.putpalette([90, 90, 90, 200, 30, 30])
        picture.paste(0, (0, 0, 4, 2))
        picture = stored(picture, transparency=1)
    elif mode == "PA":
        picture = Image.merge("PA", (Image.new("P", (4, 4)), hidden.getchannel("A")))
        picture.putpalette([90, 90, 90])
    else:
        picture = hidden.convert("LA").convert("La") if mode == "La" else hidden.convert(mode)
    assert picture.mode == mode
    for channels in (1, 3):
        found = framed(picture, Framing(4, channels, background=background))
        assert (found[:2] == 90).all() and (found[2:] == value).all()


def test_half_of_the_background_comes_through_what_is_half_transparent():
    half = np.full((4, 4, 4), [100, 100, 100, 128], np.uint8)
    assert abs(int(framed(half, gray(4))[0, 0, 0]) - 177) <= 1
    keyed = stored(Image.new("RGB", (4, 4), (1, 2, 3)), transparency=(1, 2, 3))
    assert (framed(keyed, gray(4)) == 255).all()


def test_every_mode_of_pillow_is_read_or_refused_with_a_reason():
    refused = []
    for mode in Image.MODES:
        white = {"F": 1.0, "I": 65535}.get(mode, 65535 if mode.startswith("I;16") else None)
        if white is not None:
            picture = Image.new(mode, (6, 4), white)
        else:  # premultiplied modes come from those with alpha alone
            source = {"La": "LA", "RGBa": "RGBA"}.get(mode, "RGB")
            picture = Image.new(source, (6, 4), "white").convert(mode)
        for channels in (1, 3):
            try:
                found = framed(picture, Framing(4, channels))
                assert found.shape == (4, 4, channels) and (found >= 254).all(), mode
            except ValueError as err:
                refused.append(mode)
                assert f"its colour mode is {mode}" in str(err)
    assert refused == ["LAB", "LAB"]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_scaled_by_one_rule_and_not_clipped(kind):
    levels = np.arange(0, 65536, 257, dtype=np.uint16)[:225].reshape(15, 15)
    picture = stored(Image.fromarray(levels), kind)
    assert picture.mode == "I;16"
    np.testing.assert_array_equal(framed(picture, gray(15)).ravel(), np.arange(225))
    dark = Image.fromarray(np.full((4, 4), 2570, np.uint16))
    assert (framed(dark, gray(4)) == 10).all()  # whatever else the image holds
    assert (framed(dark, gray(4, white_level=4095)) == 160).all()
    with pytest.raises(ValueError, match="uint16 values go from 2570 to 2570, not from 0 to 1000"):
        framed(dark, gray(4, white_level=1000))


def test_floats_of_a_tiff_and_32_bits_are_scaled_too():
    picture = stored(Image.fromarray(np.full((4, 4), 0.5, np.float32)), "TIFF")
    assert picture.mode == "F" and (framed(picture, gray(4)) == 128).all()
    assert (framed(Image.fromarray(np.full((4, 4), 32768, np.int32)), gray(4)) == 128).all()


def test_numbers_of_every_type_become_bytes():
    levels = np.arange(256, dtype=np.uint8)
    for values in (
        levels,
        levels / 255,
        (levels / 255).astype(np.float16),
        levels * np.uint16(257),
        levels.astype(int),
    ):
        np.testing.assert_array_equal(as_bytes(values), levels)
    assert as_bytes(np.array([True, False])).tolist() == [255, 0]
    assert as_bytes(np.array([0, 50.0, 200]), white_level=200).tolist() == [0, 64, 255]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([-1.0, 1]), r"from -1 to 1, not from 0 to 1; \(images \+ 1\) / 2 brings"),
        (np.array([0, 255.0]), "from 0 to 255, not from 0 to 1; .* images / 255"),
        (np.array([0, np.nan]), "from nan to nan"),
        (np.array([0, 256]), "its int64 values go from 0 to 256, not from 0 to 255"),
        (np.array([-3], np.int16), "from -3 to -3, not from 0 to 255"),
        (np.array(["a"]), "its values are of type <U1, not numbers"),
        (np.array([1j]), "complex128, not numbers"),
    ],
)
def test_other_numbers_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        as_bytes(values)


def test_gray_and_colour_become_each_other():
    level = RNG.integers(0, 256, (4, 4)).astype(np.uint8)
    np.testing.assert_array_equal(framed(level, Framing(4, 3)), np.stack([level] * 3, -1))
    np.testing.assert_array_equal(framed(level[..., None], gray(4)), level[..., None])
    assert framed(np.full((4, 4, 3), [255, 0, 0], np.uint8), gray(4)).flat[0] == 76  # 0.299 of 255


def test_colours_of_print_are_those_that_were_meant():
    for kind in ("JPEG", "TIFF"):
        printed = stored(Image.new("RGB", (8, 8), (200, 30, 60)).convert("CMYK"), kind)
        assert printed.mode == "CMYK"
        assert np.abs(framed(printed, Framing(8, 3)).astype(int) - [200, 30, 60]).max() <= 3


def test_arrays_of_another_shape_are_refused():
    for shape in ((4,), (4, 4, 2), (3, 8, 8), (1, 4, 4, 3)):
        with pytest.raises(ValueError, match="its shape is"):
            picture_of(np.zeros(shape, np.uint8))


def test_the_settings_of_own_data_say_how_images_are_framed():
    own = Custom(name="custom", resolution=8, images="", labels="", fit="pad", background="black", white_level=9.0)
    assert framing_of(own, 1) == Framing(8, 1, "pad", "black", 9.0)
    assert framing_of(Pendulum(name="pendulum", resolution=8, train_size=1, test_size=1), 3) == Framing(8, 3)


@pytest.mark.parametrize(
    ("suffix", "mode", "width"), [("bmp", "L", 160), ("bmp", "RGB", 72), ("tiff", "L", 16), ("png", "RGB", 16)]
)
def test_files_of_8_bits_are_not_deep_whatever_their_size(suffix, mode, width, tmp_path):
    Image.new(mode, (width, 16)).save(tmp_path / f"x.{suffix}")
    with Image.open(tmp_path / f"x.{suffix}") as image:
        assert not is_deep(image)
