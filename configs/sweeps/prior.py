"""How tightly labels hold the latents: width of the prior and weight of its divergence."""

from configs.sweeps.common import grid, with_seeds


def get_sweep() -> list[dict]:
    return with_seeds(grid({"model.prior_sd": (0.02, 0.05, 0.2, 1.0), "train.kl_z": (0.005, 0.02, 0.1)}))
