"""How often the condition is dropped in training, and guidance at inference (which never dropping it rules out)."""

from configs.sweeps.common import grid, with_seeds


def get_sweep() -> list[dict]:
    dropped = grid({"train.condition_drop": (0.1, 0.3), "sample.guidance": (1.0, 1.5, 2.0)})
    return with_seeds([{"train.condition_drop": 0.0, "sample.guidance": 1.0}, *dropped])
