"""Calls jitted functions with few different numbers of rows, so that they rarely recompile."""

from collections.abc import Callable

import jax
import numpy as np

FEW = 16  # up to so many rows get a smaller program of their own


def in_chunks(function: Callable, rows: np.ndarray, size: int):
    """Applies a function to rows [N, ...], `size` at a time (at most FEW at a time if N <= FEW); returns N rows.

    The last chunk is padded with its last row. The function returns an array, or a tree of arrays, with as many rows
    as it is given; the size matters for speed alone.
    """
    size = min(size, FEW) if len(rows) <= FEW else size
    padded = np.concatenate([rows, np.repeat(rows[-1:], -len(rows) % size, 0)])
    parts = [jax.device_get(function(padded[i : i + size])) for i in range(0, len(padded), size)]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[: len(rows)], *parts)
