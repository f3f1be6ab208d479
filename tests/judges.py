"""Judges of the MorphoMNIST benchmark with random weights."""

import numpy as np

from cdae_jax.evaluation.npz_judges import NAMES, shapes_of


def random_weights(name, seed=0):
    rng = np.random.default_rng([seed, NAMES.index(name)])
    arrays = {key: rng.normal(0, 0.3, shape).astype(np.float32) for key, shape in shapes_of(name).items()}
    return {key: np.abs(array) + 0.1 if "running_var" in key else array for key, array in arrays.items()}


def write_judges(folder, **changes):
    for name in NAMES:
        np.savez(folder / f"{name}_classifier.npz", **random_weights(name) | changes.get(name, {}))
    return folder
