"""Additive, affine and one-hop mechanisms, with and without the term that fits them to the labels."""

from configs.sweeps.common import grid, with_seeds


def get_sweep() -> list[dict]:
    terms = {"train.mechanism_alone": (False,), "train.mechanism": (0.0, 1.0)}
    return with_seeds(grid({"model.mechanism": ("additive", "affine", "one_hop"), **terms}))
