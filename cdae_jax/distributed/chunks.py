"""Jitted functions of many rows, called with few different numbers of them, so that they compile seldom."""

from collections.abc import Callable

import jax
import numpy as np

FEW = 16  # rows that are worth a program of their own


def in_chunks(function: Callable, rows: np.ndarray, size: int):
    """Applies a function of [size, ...] to any number of rows; the last chunk is padded, FEW rows or less to FEW.

    The function gives an array, or a tree of arrays, with as many rows as it is given; the size is chosen for speed.
    """
    size = min(size, FEW) if len(rows) <= FEW else size
    padded = np.concatenate([rows, np.repeat(rows[-1:], -len(rows) % size, 0)])
    parts = [jax.device_get(function(padded[i : i + size])) for i in range(0, len(padded), size)]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[: len(rows)], *parts)
