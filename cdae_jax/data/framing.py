"""One image of any size, mode and type as training wants it: upright, on one background, square, uint8. No files."""

import contextlib
import dataclasses

import numpy as np
from PIL import Image, ImageOps

from cdae_jax.data.settings import CelebA, Custom, Data

DEEP = {"I": 65535, "I;16": 65535, "I;16L": 65535, "I;16B": 65535, "I;16N": 65535, "F": 1}  # mode -> value of white
GRAY = {"1", "L", "LA", "La", *DEEP}
COLOUR = {"P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"}
ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}
ROUNDED = 1e-4  # share of the range by which floats may lie outside it
DEPTHS = (1, 3, 4)  # channels of an array: gray, RGB, RGBA
CELEBA_WIDTH = 178  # pixels, the shorter side of its aligned images


@dataclasses.dataclass(frozen=True)
class Framing:
    """How an image becomes [resolution, resolution, channels] uint8.

    fit: what is done to an image that is not square: its centre is cropped, it is padded with the background, or
      stretched.
    background: what shows through transparency, "white" or "black".
    white_level: the value that becomes white in images of more than 8 bits; 0: see `as_bytes`.
    kept: how much of the shorter side a crop keeps.
    """

    resolution: int
    channels: int
    fit: str = "crop"
    background: str = "white"
    white_level: float = 0.0
    kept: float = 1.0

    def crop_side(self, width: int, height: int) -> int:
        """Pixels of a side of the square that a crop keeps."""
        return round(self.kept * min(width, height))


def framing_of(data: Data, channels: int) -> Framing:
    """The framing that the settings of a dataset ask for."""
    if isinstance(data, Custom):
        return Framing(data.resolution, channels, data.fit, data.background, data.white_level)
    kept = data.crop / CELEBA_WIDTH if isinstance(data, CelebA) else 1.0
    return Framing(data.resolution, channels, kept=kept)


def as_bytes(values: np.ndarray, white_level: float = 0.0) -> np.ndarray:
    """Values of any shape as uint8. The range that becomes 0..255 follows from the type alone: False..True for bool,
    0..1 for floats, 0..65535 for uint16, 0..255 for other integers; a white_level replaces the upper end for all but
    uint8 and bool. Raises ValueError for values outside the range, floats in 0..1 where a white_level of more than 1
    says that they are not, and a type that is no number.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return values * np.uint8(255)
    if values.dtype.kind not in "iuf":
        raise ValueError(f"its values are of type {values.dtype}, not numbers")
    white = white_level or {"f": 1, "u": 65535 if values.dtype == np.uint16 else 255}.get(values.dtype.kind, 255)
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    if values.dtype.kind == "f" and white > 1 and 0 < high <= 1:
        raise ValueError(
            f"its {values.dtype} values are at most {high:.6g}, but the white_level is {white:g}: give them in the same"
            f" range as the images of training, or multiply by {white:g} what is in 0..1"
        )
    if values.dtype.kind == "f" and -ROUNDED * white <= low and high <= (1 + ROUNDED) * white:
        values, low, high = np.clip(values, 0, white), 0, white  # what resizing in single precision leaves
    if not (low >= 0 and high <= white):  # what is not finite is not
        fix = "; (images + 1) / 2 brings -1..1 there, images / 255 0..255" if white == 1 else ""
        raise ValueError(f"its {values.dtype} values go from {low:.6g} to {high:.6g}, not from 0 to {white:g}{fix}")
    return np.rint(values * (255 / white)).astype(np.uint8)


def is_deep(image: Image.Image) -> bool:
    """Whether an image has more than 8 bits, or its file has, of which Pillow reads 8 where it is in colour."""
    given = [tile[3] for tile in getattr(image, "tile", ())]
    raw = [args[0] if isinstance(args, tuple) and args else args for args in given]  # as the file has it: "RGB;16B"
    return image.mode in DEEP or any(isinstance(mode, str) and ";16" in mode for mode in raw)


def picture_of(image: Image.Image | np.ndarray, white_level: float = 0.0) -> Image.Image:
    """An upright picture of 8 bits, from a PIL image (turned as its EXIF data say) or an array [H, W] or
    [H, W, 1 | 3 | 4] of a type that `as_bytes` takes.

    In PIL images of 16 or 32 bits 65535 becomes white, in those of floats 1; a white_level replaces either.

    Raises ValueError for another shape, mode or range.
    """
    if not isinstance(image, Image.Image):
        pixels = np.asarray(image)
        if pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), *((depth,) for depth in DEPTHS)):
            raise ValueError(f"its shape is {pixels.shape}: expected (H, W) or (H, W, channels) of 1, 3 or 4 channels")
        pixels = np.ascontiguousarray(as_bytes(pixels, white_level))
        return Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
    if white_level and image.mode not in DEEP and is_deep(image):
        raise ValueError(
            "its 16-bit colour is read at 8 bits, so no white_level holds: store an array of uint16 (.npy)"
        )
    image.load()
    with contextlib.suppress(SyntaxError):  # EXIF data that nobody can read say nothing
        image = ImageOps.exif_transpose(image)
    if image.mode in DEEP:
        return Image.fromarray(as_bytes(np.asarray(image), white_level or DEEP[image.mode]))
    if image.mode not in GRAY | COLOUR:
        raise ValueError(f"its colour mode is {image.mode}: expected gray, RGB, RGBA, CMYK, YCbCr or a palette")
    return image


def flattened(picture: Image.Image, channels: int, background: str) -> Image.Image:
    """A picture of 8 bits as "L" or "RGB", laid over the background where it is transparent.

    Gray becomes RGB by repetition, RGB gray by its luminance, 0.299 R + 0.587 G + 0.114 B.
    """
    if picture.mode in ALPHA or "transparency" in picture.info:
        picture = (picture.convert("LA") if picture.mode == "La" else picture).convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, background), picture)
    if picture.mode in COLOUR:
        picture = picture.convert("RGB")
    return picture.convert("L" if channels == 1 else "RGB")


def resized(picture: Image.Image, side: int) -> Image.Image:
    """The picture at side x side pixels: a box filter along an axis that shrinks, bilinear along one that grows."""
    for width, height in ((side, picture.height), (side, side)):
        grows = width > picture.width or height > picture.height
        kind = Image.Resampling.BILINEAR if grows else Image.Resampling.BOX
        picture = picture.resize((width, height), kind)
    return picture


def framed(image: Image.Image | np.ndarray, framing: Framing) -> np.ndarray:
    """[resolution, resolution, channels] uint8 of an image as `picture_of` takes it. Raises ValueError as that does."""
    shape = (framing.resolution, framing.resolution, framing.channels)
    if isinstance(image, np.ndarray) and image.shape == shape and image.dtype == np.uint8:
        return image
    picture = flattened(picture_of(image, framing.white_level), framing.channels, framing.background)
    if framing.fit == "crop":
        side = framing.crop_side(*picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        picture = picture.crop((left, top, left + side, top + side))
    elif framing.fit == "pad" and picture.width != picture.height:
        side = max(picture.size)
        square = Image.new(picture.mode, (side, side), framing.background)
        square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
        picture = square
    return np.array(resized(picture, framing.resolution)).reshape(shape)
