"""Any number of rows through a function that is compiled for a few sizes of batches."""

from collections.abc import Callable

import jax
import numpy as np
from jax.sharding import Mesh

from cdae_jax.distributed import sharding

BATCHES = (1, 8, 64)  # images per compiled call and device: the smallest that holds all, else the largest


def in_batches(function: Callable, arrays: dict[str, np.ndarray], mesh: Mesh):
    """Applies function(index of the batch, **batch) to arrays of N rows, and returns its tree of arrays of N rows.

    The rows of a batch lie on all devices of the mesh; the last batch is filled up with its last row, to compile once.
    """
    num, devices = len(next(iter(arrays.values()))), mesh.size
    size = next((size for size in BATCHES if size * devices >= num), BATCHES[-1]) * devices
    parts = []
    for i, start in enumerate(range(0, num, size)):
        rows = np.minimum(np.arange(start, start + size), num - 1)
        part = {name: value[rows] for name, value in arrays.items()}
        parts.append(function(i, **sharding.to_devices(part, mesh)))
    return jax.tree.map(lambda *leaves: np.concatenate([np.asarray(leaf) for leaf in leaves])[:num], *parts)
