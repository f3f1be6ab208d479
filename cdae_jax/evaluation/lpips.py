"""LPIPS (Zhang et al. 2018, arXiv 1801.03924), a learned distance of two images, from a weights file of the user's.

Version 0.1 on AlexNet: images in [-1, 1] are shifted and scaled, and go through five convolutions. With y_l the maps of
the l-th after its ReLU, each position's channels scaled to norm 1,

    d(a, b) = sum_l mean_hw sum_c w_lc (y_l(a) - y_l(b))^2

(their eq. 1, with w_l on the squares, as their code has it). The .npz holds the arrays of that code's network under its
own names (`shapes`), of which others are not looked at:

    import lpips, numpy  # pip install lpips, which needs PyTorch and torchvision and fetches AlexNet's weights
    numpy.savez("lpips.npz", **{k: v.numpy() for k, v in lpips.LPIPS(net="alex").state_dict().items()})
"""

import functools
import pathlib
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.distributed.chunks import in_chunks
from cdae_jax.errors import InputError
from cdae_jax.evaluation.npz_judges import read_weights
from cdae_jax.paths import expanded

NAME = "LPIPS 0.1 (AlexNet)"
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of red, green and blue
CONVOLUTIONS = {  # name -> its kernel (out, in, height, width), stride and padding
    "net.slice1.0": ((64, 3, 11, 11), 4, 2),
    "net.slice2.3": ((192, 64, 5, 5), 1, 2),
    "net.slice3.6": ((384, 192, 3, 3), 1, 1),
    "net.slice4.8": ((256, 384, 3, 3), 1, 1),
    "net.slice5.10": ((256, 256, 3, 3), 1, 1),
}
POOLED = ("net.slice2.3", "net.slice3.6")  # see the maximum over 3 x 3 maps around every second position
EPSILON = 1e-10
SMALLEST, BATCH = 31, 64  # pixels of a side that leave the last maps one position; pairs at a time


def shapes() -> dict[str, tuple[int, ...]]:
    """The arrays that are read, and their shapes."""
    found = {}
    for i, (name, (kernel, _, _)) in enumerate(CONVOLUTIONS.items()):
        found |= {f"{name}.weight": kernel, f"{name}.bias": kernel[:1], f"lin{i}.model.1.weight": (1, kernel[0], 1, 1)}
    return found


def unit_maps(weights: Mapping[str, jax.Array], x: jax.Array) -> list[jax.Array]:
    """The five maps [B, C, h, w], channels of norm 1, of images [B, 3, H, W] that are shifted and scaled."""
    found = []
    for name, (_, stride, padding) in CONVOLUTIONS.items():
        if name in POOLED:
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 3, 3), (1, 1, 2, 2), "VALID")
        around = ((padding, padding),) * 2
        x = jax.lax.conv_general_dilated(x, weights[f"{name}.weight"], (stride, stride), around)
        x = jax.nn.relu(x + weights[f"{name}.bias"].reshape(1, -1, 1, 1))
        found.append(x / (jnp.linalg.norm(x, axis=1, keepdims=True) + EPSILON))
    return found


@jax.jit
def distances(weights: Mapping[str, jax.Array], pairs: jax.Array) -> jax.Array:
    """LPIPS [B] of pairs of images [B, 2, H, W, C] uint8, C 1 or 3."""
    x = pairs.astype(jnp.float32) / 127.5 - 1
    x = (x - jnp.array(SHIFT).reshape(1, 1, 1, 1, 3)) / jnp.array(SCALE).reshape(1, 1, 1, 1, 3)
    maps = unit_maps(weights, x.reshape(-1, *x.shape[2:]).transpose(0, 3, 1, 2))
    total = jnp.zeros(len(pairs))
    for i, y in enumerate(maps):
        gaps = jnp.square(y[::2] - y[1::2]) * weights[f"lin{i}.model.1.weight"]
        total += gaps.sum(1).mean((1, 2))
    return total


def lpips(weights: str | pathlib.Path) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A function from two stacks of images [N, H, W, C] uint8, C 1 or 3, to their distances [N] float32.

    Raises InputError for no such file, one that cannot be read, or weights of another network.
    """
    path = expanded(weights)
    if not path.is_file():
        raise InputError(f"there is no weights file {str(path)!r}: make the .npz of LPIPS as docs/metrics.md says")
    run = functools.partial(distances, read_weights(path, "AlexNet of LPIPS", shapes()))
    return lambda images, others: in_chunks(run, np.stack([images, others], 1), BATCH)


def check_size(images: np.ndarray) -> None:
    """Raises InputError for images [N, H, W, C] that are too small for the network."""
    if min(images.shape[1:3]) < SMALLEST:
        raise InputError(
            f"LPIPS needs images of {SMALLEST} pixels a side or more, and these have {min(images.shape[1:3])}:"
            " leave out --lpips_weights"
        )
