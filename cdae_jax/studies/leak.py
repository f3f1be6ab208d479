"""Where factors are stored: how much of each variable can be read from x_T, from style, u and z, and from the pixels.

What x_T or style says of a variable is not controlled by z: a decoder that uses it resists do(). The probe
is kernel ridge regression (a Gaussian kernel of median width, the ridge chosen on images of its own), the same for
every source; R^2 is on images that it was not fitted to. The pixels' column says what the probe can read at best.
"""

import json
import pathlib

import numpy as np
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import r2_score
from sklearn.metrics.pairwise import euclidean_distances

from cdae_jax.data.pipeline import label_columns
from cdae_jax.errors import InputError
from cdae_jax.evaluation.bench import dataset_of
from cdae_jax.evaluation.report import markdown_table
from cdae_jax.inference.loading import load
from cdae_jax.paths import expanded, write_whole

RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
MIN_IMAGES = 100


def readable(inputs: np.ndarray, labels: np.ndarray) -> float:
    """R^2 of one factor's labels [N] read from inputs [N, ...], on the last quarter of the rows; 0 if it is negative.

    Half of the rows fit the probe, the third quarter chooses the ridge.
    """
    flat = inputs.reshape(len(inputs), -1).astype(np.float64)
    flat = (flat - flat.mean(0)) / (flat.std(0) + 1e-6)
    half, three = len(flat) // 2, 3 * len(flat) // 4
    distances = euclidean_distances(flat[:200], squared=True)
    gamma = 1 / np.median(distances[distances > 0])
    centre, scale = labels[:half].mean(), labels[:half].std()
    y = (labels - centre) / scale
    probes = [KernelRidge(alpha=ridge, kernel="rbf", gamma=gamma).fit(flat[:half], y[:half]) for ridge in RIDGES]
    best = max(probes, key=lambda probe: r2_score(y[half:three], probe.predict(flat[half:three])))
    return max(0.0, float(r2_score(y[three:], best.predict(flat[three:]))))


def table(found: dict[str, dict[str, float]], num_images: int) -> str:
    """R^2 by variable and source, as Markdown."""
    sources = list(next(iter(found.values())))
    rows = [[name, *(f"{row[source]:.3f}" for source in sources)] for name, row in found.items()]
    lines = markdown_table(["R^2 read from", *sources], rows)
    return "\n".join([*lines, "", f"{num_images} test images, a quarter of them for the R^2."]) + "\n"


def leak(directory: str | pathlib.Path, num_images: int) -> dict[str, dict[str, float]]:
    """Measures a workdir's leak, writes leak.json and leak.md into it, and returns R^2 by variable and source. Raises
    InputError for no trained workdir, a conv decoder, or too few labelled test images."""
    directory = expanded(directory)
    model = load(directory)
    if not model.model.decoder.diffuses:
        raise InputError(f"the model in {directory} has a conv decoder, which has no x_T")
    dataset = dataset_of(model, directory)
    columns = label_columns(dataset, model.graph)
    known = np.flatnonzero(np.isfinite(dataset.test.labels[:, columns]).all(1))[:num_images]
    if len(known) < MIN_IMAGES:
        raise InputError(f"{len(known)} test images have every label: the probe needs at least {MIN_IMAGES}")
    test = dataset.test.take(known)
    u, z = model.latents(test.images)
    sources = {"pixels": test.images / 255, "u": u, "z": z, "style": model.style(test.images)}
    sources["x_T"] = model.noise(test.images, context=test.context)
    sources = {name: inputs for name, inputs in sources.items() if inputs.size}
    found = {
        name: {source: readable(inputs, test.labels[:, column]) for source, inputs in sources.items()}
        for name, column in zip(model.graph.names, columns, strict=True)
    }
    write_whole(directory / "leak.json", json.dumps({"num_images": len(test), "r2": found}, indent=2) + "\n")
    write_whole(directory / "leak.md", table(found, len(test)))
    return found
