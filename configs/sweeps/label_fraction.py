"""How few labels suffice; and the same labels without the unlabelled images."""

from configs.sweeps.common import grid, with_seeds


def get_sweep() -> list[dict]:
    fractions = (0.01, 0.05, 0.1, 0.25)
    few = grid({"data.label_fraction": fractions, "data.labelled_only": (False, True)})
    return with_seeds([*few, {"data.label_fraction": 1.0}])
