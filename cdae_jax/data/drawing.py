"""Scenes drawn by signed distance, anti-aliased; one code path for NumPy (xp=numpy) and JAX (xp=jax.numpy)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.distributed.chunks import in_chunks


def segment_distance(x, y, start, end, xp=np):
    """Distance of the points (x, y) to the segment from start to end, each a pair of coordinates; broadcasts."""
    run, rise = end[0] - start[0], end[1] - start[1]
    along = xp.clip(((x - start[0]) * run + (y - start[1]) * rise) / (run**2 + rise**2), 0, 1)
    return point_distance(x, y, (start[0] + along * run, start[1] + along * rise), xp)


def point_distance(x, y, centre, xp=np):
    """Distance of the points (x, y) to a centre; smooth at 0, so that it can be differentiated."""
    return xp.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + 1e-12)


def paint(image, signed_distance, colour, pixel: float, xp=np):
    """An image [N, H, W, 3] in 0..1 with a shape painted over it, in a colour [3] or [N, 3] in 0..1.

    signed_distance [N, H, W] is negative inside the shape, whose edge fades over `pixel`; both in units of the scene.
    """
    cover = xp.clip(0.5 - signed_distance / pixel, 0, 1)[..., None]
    return image * (1 - cover) + cover * xp.asarray(colour, xp.float32).reshape((-1, 1, 1, 3))


def to_uint8(image, xp=np):
    """0..1 -> 0..255 uint8."""
    return xp.rint(255 * image).astype(xp.uint8)


@functools.partial(jax.jit, static_argnums=(0, 2))
def _render(draw_scene, labels, resolution):
    return to_uint8(draw_scene(labels, resolution, xp=jnp), xp=jnp)


def render(draw_scene, chunk: int, labels: np.ndarray, resolution: int) -> np.ndarray:
    """labels [N, n] -> [N, resolution, resolution, 3] uint8 by `draw_scene(labels, resolution, xp)`, `chunk` a call."""
    rows = np.asarray(labels, np.float32)
    return in_chunks(lambda rows: _render(draw_scene, rows, resolution), rows, chunk)


def decorrelate(render, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator):
    """New scenes, rendered from labels [N, n] with each column permuted by itself; returns images and labels."""
    shuffled = rng.permuted(labels, axis=0)
    return render(shuffled, images.shape[1]), shuffled
