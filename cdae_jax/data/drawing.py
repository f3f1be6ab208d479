"""Anti-aliased shapes by signed distance; one code path for NumPy (xp=numpy) and JAX (xp=jax.numpy)."""

import numpy as np


def segment_distance(x, y, start, end, xp=np):
    """Distance of the points (x, y) to the segment from start to end, each a pair of coordinates; broadcasts."""
    run, rise = end[0] - start[0], end[1] - start[1]
    along = ((x - start[0]) * run + (y - start[1]) * rise) / (run**2 + rise**2)
    along = xp.clip(along, 0, 1)
    return point_distance(x, y, (start[0] + along * run, start[1] + along * rise), xp)


def point_distance(x, y, centre, xp=np):
    """Distance of the points (x, y) to a centre; smooth at 0, so that it can be differentiated."""
    return xp.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + 1e-12)


def paint(image, signed_distance, colour, pixel: float, xp=np):
    """Paints a shape over an image.

    Args:
      image: [N, H, W, 3] in 0..1.
      signed_distance: [N, H, W], negative inside the shape, in units of the scene.
      colour: [3], or [N, 3] for one colour an image, in 0..1.
      pixel: length over which the edge fades, in units of the scene.
    """
    cover = xp.clip(0.5 - signed_distance / pixel, 0, 1)[..., None]
    colour = xp.asarray(colour, xp.float32)
    return image * (1 - cover) + cover * colour.reshape((-1, 1, 1, 3))


def to_uint8(image, xp=np):
    """0..1 -> 0..255 uint8."""
    return xp.rint(255 * image).astype(xp.uint8)
