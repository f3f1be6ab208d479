"""The anti-causal predictors of the MorphoMNIST benchmark of arXiv 2403.20287, from .npz files, in JAX.

One network each for thickness (which is told the intensity), intensity and digit, `<name>_classifier.npz`: six
convolutions, each with batch norm and a leaky ReLU of slope 0.01, the mean over the pixels, two dense layers with the
same between them. It sees digits padded to 32 x 32 pixels; grey levels and labels are scaled to [-1, 1] by RANGES.
The benchmark's own script leaves batch norm in training mode, so that a reading depends on the rest of its batch:
both modes are here, "evaluation" (running statistics) and "training" (those of each batch).
"""

import functools
import hashlib
import pathlib
import zipfile
import zlib
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.errors import InputError
from cdae_jax.paths import expanded

NAMES = ("thickness", "intensity", "digit")
RANGES = {"thickness": (0.87598526, 6.255515), "intensity": (66.601204, 254.90317)}  # px, grey levels -> [-1, 1]
MODES = ("evaluation", "training")
PADDING = 2  # black pixels on each side
BATCH = 256  # images, the benchmark's
STRIDES = {0: 1, 4: 2, 7: 1, 10: 2, 13: 1, 16: 2}  # of the convolutions, by their place among the layers
WIDTHS = {0: (8, 1, 7), 4: (16, 8, 3), 7: (16, 16, 3), 10: (32, 16, 3), 13: (32, 32, 3), 16: (64, 32, 3)}
EPSILON, SLOPE = 1e-5, 0.01


def shapes_of(name: str) -> dict[str, tuple[int, ...]]:
    """The arrays of a judge and their shapes: a kernel's are (out, in, height, width), a dense layer's (out, in)."""

    def norm(layer: str, width: int) -> dict:
        return {f"{layer}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")}

    found, outputs = {}, 10 if name == "digit" else 1
    for at, (out, into, side) in WIDTHS.items():
        found |= {f"cnn.{at}.weight": (out, into, side, side)} | norm(f"cnn.{at + 1}", out)
    found |= {"fc.0.weight": (64, 65 if name == "thickness" else 64)} | norm("fc.1", 64)
    return found | {"fc.3.weight": (outputs, 64), "fc.3.bias": (outputs,)}


def scaled(name: str, labels: np.ndarray) -> np.ndarray:
    """Physical -> [-1, 1], float32."""
    low, high = RANGES[name]
    return (2 * (np.asarray(labels) - low) / (high - low) - 1).astype(np.float32)


def physical(name: str, labels: np.ndarray) -> np.ndarray:
    """[-1, 1] -> physical."""
    low, high = RANGES[name]
    return (np.asarray(labels) + 1) / 2 * (high - low) + low


def padded(images: np.ndarray) -> np.ndarray:
    """[N, 28, 28, 1] uint8 -> [N, 32, 32, 1] uint8."""
    return np.pad(images, ((0, 0), (PADDING, PADDING), (PADDING, PADDING), (0, 0)))


@functools.partial(jax.jit, static_argnames="training")
def forward(weights: Mapping[str, jax.Array], x: jax.Array, told: jax.Array | None = None, training: bool = False):
    """Outputs [B, 1], or logits [B, 10], of images [B, 1, 32, 32] in [-1, 1]; told [B] is the scaled intensity."""

    def activated(h, layer):
        axes, shape = ((0, 2, 3), (1, -1, 1, 1)) if h.ndim == 4 else ((0,), (1, -1))
        mean, var = weights[f"{layer}.running_mean"], weights[f"{layer}.running_var"]
        if training:
            mean, var = h.mean(axes), h.var(axes)
        scale = weights[f"{layer}.weight"] * jax.lax.rsqrt(var + EPSILON)
        shift = weights[f"{layer}.bias"] - mean * scale
        return jax.nn.leaky_relu(h * scale.reshape(shape) + shift.reshape(shape), SLOPE)

    for at, stride in STRIDES.items():
        kernel = weights[f"cnn.{at}.weight"]
        around = ((kernel.shape[-1] // 2,) * 2,) * 2
        x = activated(jax.lax.conv_general_dilated(x, kernel, (stride, stride), around), f"cnn.{at + 1}")
    x = x.mean((2, 3))
    if told is not None:
        x = jnp.concatenate([x, told[:, None]], 1)
    h = activated(x @ weights["fc.0.weight"].T, "fc.1")
    return h @ weights["fc.3.weight"].T + weights["fc.3.bias"][None]


class NpzJudges(NamedTuple):
    """The three judges, the mode of their batch norm, and a hash of their weights."""

    weights: dict[str, dict[str, np.ndarray]]
    mode: str
    digest: str

    def __call__(self, images: np.ndarray, intensity: np.ndarray) -> np.ndarray:
        """Thickness in px, intensity in grey levels and digit, [N, 3], of images [N, 28, 28, 1] uint8 that should have
        the intensities [N], which the judge of the thickness is told."""
        x = (padded(images) / np.float32(127.5) - 1).astype(np.float32).transpose(0, 3, 1, 2)
        parts = np.array_split(np.arange(len(x)), -(-len(x) // BATCH))  # as alike as can be: each has statistics
        columns = []
        for name in NAMES:
            told = scaled("intensity", intensity) if name == "thickness" else None
            given = ((x[rows], None if told is None else told[rows]) for rows in parts)
            found = [forward(self.weights[name], *some, training=self.mode == "training") for some in given]
            outputs = np.concatenate([np.asarray(part, np.float64) for part in found])
            columns.append(outputs.argmax(1) if name == "digit" else physical(name, outputs[:, 0]))
        return np.stack(columns, 1)


def load_judges(folder: str | pathlib.Path, mode: str = "evaluation") -> NpzJudges:
    """The judges of a folder. Raises InputError for a file that is missing, cannot be read or is of another network."""
    folder, digest, weights = expanded(folder), hashlib.sha256(), {}
    for name in NAMES:
        path = folder / f"{name}_classifier.npz"
        if not path.is_file():
            raise InputError(
                f"there is no judge {path}: --judges needs a folder with"
                f" {', '.join(f'{name}_classifier.npz' for name in NAMES)}, which cdae convert_judges writes"
            )
        weights[name] = read_weights(path, f"judge of the {name}", shapes_of(name))
        for array in weights[name].values():
            digest.update(np.ascontiguousarray(array))
    return NpzJudges(weights, mode, digest.hexdigest()[:16])


def read_weights(path: pathlib.Path, what: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """The arrays of these names and shapes in an .npz file, float32. Raises InputError for a file that cannot be read,
    or that `check_weights` refuses."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {key: stored[key].astype(np.float32) for key in shapes if key in stored}
    except (OSError, ValueError, EOFError, TypeError, zlib.error, zipfile.BadZipFile) as err:
        raise InputError(f"the {what} {path} cannot be read ({err}): convert or copy it again") from err
    check_weights(str(path), what, shapes, arrays)
    return arrays


def check_weights(
    where: str, what: str, shapes: Mapping[str, tuple[int, ...]], arrays: Mapping[str, np.ndarray]
) -> None:
    """Raises InputError unless the arrays have these names and shapes, and finite values."""
    for key, shape in shapes.items():
        found = arrays[key].shape if key in arrays else "not there"
        if found != shape:
            raise InputError(f"{where} is no {what}: {key} is {found}, expected the shape {shape}")
        if not np.isfinite(arrays[key]).all():
            raise InputError(f"{where} is no {what}: {key} has values that are not finite")
