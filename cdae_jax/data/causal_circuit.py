"""Reads the published CausalCircuit (Brehmer et al. 2022, arXiv 2203.16437) from its .npz files.

Each file holds pairs of images before and after an intervention: `imgs` [N, 2] encoded JPEG or PNG bytes, and
`original_latents` [N, 2, 4] in the order red, green, blue, arm, in 0..1. The first of each pair is used. The data has
its own terms and is not shipped. No true counterfactuals are known (`circuit.py` is a look-alike that has them).
"""

import concurrent.futures
import io
import pathlib

import numpy as np
from PIL import Image

from cdae_jax.data import image_arrays
from cdae_jax.data.circuit import GRAPH
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.image_files import READ_ERRORS
from cdae_jax.errors import InputError
from cdae_jax.paths import expanded
from cdae_jax.progress import tqdm

FILE_ORDER = ("red", "green", "blue", "arm")


def _read_file(path: pathlib.Path, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            encoded, latents = stored["imgs"], stored["original_latents"]
    except image_arrays.READ_ERRORS as err:
        raise InputError(
            f"{path} cannot be read as .npz of plain arrays 'imgs' and 'original_latents' ({err}):"
            " pickled objects are never loaded, store 'imgs' as bytes (dtype S) instead"
        ) from err
    if encoded.ndim != 2 or encoded.shape[1] != 2 or encoded.dtype.kind not in "SV":
        raise InputError(f"'imgs' of {path} is {encoded.dtype} of shape {encoded.shape}: expected bytes (N, 2)")
    if latents.shape != (len(encoded), 2, 4) or latents.dtype.kind != "f":
        raise InputError(
            f"'original_latents' of {path} is {latents.dtype} of shape {latents.shape}:"
            f" expected floats ({len(encoded)}, 2, 4) in the order {', '.join(FILE_ORDER)}"
        )
    labels = latents[:, 0, [FILE_ORDER.index(name) for name in GRAPH.names]].astype(np.float32)
    if not np.isfinite(labels).all():
        raise InputError(f"'original_latents' of {path} has values that are not finite: fetch the file again")

    def decode(i: int) -> np.ndarray:
        try:
            with Image.open(io.BytesIO(bytes(encoded[i, 0]))) as image:
                image.draft("RGB", (resolution, resolution))  # lets JPEG decode at a fraction of its size
                return np.asarray(image.convert("RGB").resize((resolution, resolution), Image.Resampling.BOX))
        except READ_ERRORS as err:
            raise InputError(f"image {i} of {path} cannot be read ({err}): fetch the file again") from err

    with concurrent.futures.ThreadPoolExecutor() as pool:
        images = list(tqdm(pool.map(decode, range(len(encoded))), path.name, len(encoded), unit="image"))
    return np.stack(images), labels


def make_dataset(circuit_dir: str, resolution: int, train_size: int, test_size: int) -> Dataset:
    """The published dataset from a folder of train*.npz and test*.npz: the first train_size and test_size images of the
    files in order of their names, resized to `resolution`, and labels in 0..1 in the order arm, blue, green, red.

    Raises InputError for files that are missing, unreadable or of another layout, and for too few images.
    """
    if not circuit_dir:
        raise InputError(
            "CausalCircuit is not shipped: set --config.data.circuit_dir to the folder of its .npz files,"
            " or use the config circuit_lookalike"
        )
    splits = {}
    for split, num in (("train", train_size), ("test", test_size)):
        paths = sorted(expanded(circuit_dir).glob(f"{split}*.npz"))
        if not paths:
            raise InputError(
                f"{circuit_dir!r} has no {split}*.npz: set --config.data.circuit_dir to a folder with them"
            )
        parts: list[tuple[np.ndarray, np.ndarray]] = []
        while paths and sum(len(labels) for _, labels in parts) < num:
            parts.append(_read_file(paths.pop(0), resolution))
        images, labels = map(np.concatenate, zip(*parts, strict=True))
        if len(images) < num:
            has = f"{circuit_dir} has {len(images)} {split} images"
            raise InputError(f"config.data.{split}_size is {num}, but {has}: use fewer")
        splits[split] = Split(images[:num], labels[:num])
    return Dataset(name="CausalCircuit", graph=GRAPH, **splits)
