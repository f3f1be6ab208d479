"""What the UNet predicts, under which schedule."""

from configs.sweeps.common import grid, with_seeds


def get_sweep() -> list[dict]:
    return with_seeds(grid({"diffusion.prediction": ("eps", "v", "x_0"), "diffusion.schedule": ("linear", "cosine")}))
