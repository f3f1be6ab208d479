"""How often the condition is dropped in training, and guidance at inference."""

from configs.sweeps.common import grid, with_seeds


def get_sweep() -> list[dict]:
    return with_seeds(grid({"train.condition_drop": (0.0, 0.1, 0.3), "sample.guidance": (1.0, 1.5, 2.0)}))
