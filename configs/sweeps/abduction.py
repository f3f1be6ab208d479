"""How x_T is found: by inversion of some depth and steps, with what it loses restored or not, or by noise."""

from configs.sweeps.common import grid


def get_sweep() -> list[dict]:
    inverted = grid(
        {"sample.abduction": ("restore", "invert"), "sample.num_steps": (5, 10, 20, 50), "sample.depth": (0.5, 1.0)}
    )
    noised = grid({"sample.abduction": ("noise",), "sample.depth": (0.25, 0.5, 1.0)})
    return [*inverted, *noised]
