"""Fingerprints of training data, which show whether the files have changed since a model was trained on them."""

import concurrent.futures
import hashlib
import os
import pathlib

import numpy as np

from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.image_files import THREADS, ImageFiles
from cdae_jax.progress import tqdm

CHUNK = 4096  # images hashed at a time
SPLITS = {"train": "training", "validation": "validation", "test": "test", "interventional": "interventional"}


def fingerprint(dataset: Dataset) -> dict[str, dict] | None:
    """The number of rows and the hashes of labels and images of each split; None where the true mechanisms are known,
    since settings alone decide such data.

    Images in memory are hashed by their pixels, those that stay on disk by name and bytes, wherever their folder lies.
    """
    if dataset.true_counterfactual is not None:
        return None
    return {name: _of_split(split) for name in SPLITS if (split := getattr(dataset, name)) is not None}


def _of_split(split: Split) -> dict:
    labels = hashlib.sha256()
    for array in (split.labels, split.context, split.intervened):
        if array is not None:
            numbers = np.asarray(array, np.float64) + 0.0  # no -0
            labels.update(np.where(np.isnan(numbers), np.nan, numbers).tobytes())
    return {"rows": len(split), "labels": labels.hexdigest()[:16], "images": digest_of_images(split.images)}


def digest_of_images(images: np.ndarray | ImageFiles) -> str:
    """A hash of the pixels of images in memory; of files on disk of their names and bytes, wherever the folder lies."""
    digest = hashlib.sha256()
    if isinstance(images, ImageFiles):
        folder = os.path.commonpath([path.parent for path in images.paths])
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            found = tqdm(pool.map(_digest_of_file, images.paths), "comparing", len(images), unit="image", delay=1)
            for path, of_it in zip(images.paths, found, strict=True):
                digest.update(f"{os.path.relpath(path, folder)!r} {of_it}\n".encode(errors="surrogateescape"))
    else:
        digest.update(str(images.shape).encode())
        for start in range(0, len(images), CHUNK):
            digest.update(np.ascontiguousarray(images[start : start + CHUNK]))
    return digest.hexdigest()[:16]


def _digest_of_file(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def changes(before: dict[str, dict], now: dict[str, dict]) -> list[str]:
    """What differs between two fingerprints, in words; nothing if they are of the same data."""
    found = []
    for name, old in before.items():
        title, new = SPLITS[name], now.get(name, {"rows": 0})
        if old["rows"] != new["rows"]:
            found.append(f"{old['rows']} {title} images are now {new['rows']}")
        else:
            found += [f"{what} of the {title} split" for what in ("labels", "images") if old[what] != new[what]]
    return found


def lacks_rows(dataset: Dataset, names: tuple[str, ...], rows: np.ndarray) -> bool:
    """Whether some of these rows of labels [R, n] (physical, columns as in `names`) are missing from the training
    split."""
    labels = dataset.train.labels[:, [dataset.graph.index(name) for name in names]].astype(np.float32)
    return not {row.tobytes() for row in rows.astype(np.float32)} <= {row.tobytes() for row in labels}
