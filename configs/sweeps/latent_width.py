"""Dimensions of each variable."""

from configs.sweeps.common import grid, with_seeds


def get_sweep() -> list[dict]:
    return with_seeds(grid({"model.block_dim": (1, 2, 4, 8, 16)}))
