"""MorphoMNIST: thickness -> intensity of handwritten digits, the digit as context.

python -m experiments.train --config=configs/morpho_mnist.py:cpu --config.data.mnist_dir=<folder> --workdir=runs/mnist

:cpu    two CPU cores
:paper  the published sizes and diffusion process, for accelerators (never run to the end here)
:smoke  seconds, for tests
"""

import ml_collections

from configs.common import SMOKE_SIZES, config_of

GRAPH = {  # in the order of tables and plots
    "thickness": {"unit": "px"},
    "intensity": {"parents": ("thickness",), "unit": "grey levels"},
}


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, "cpu", "paper" or "smoke", perhaps of a baseline: "cpu,baseline=diffae"."""
    return config_of(
        argument,
        GRAPH,
        cpu={
            "data": {
                "name": "morpho_mnist",
                "mnist_dir": "",
                "resolution": 28,
                "train_size": 60_000,
                "test_size": 10_000,
            },
            "model": {
                "encoder_channels": 32,
                "encoder_multipliers": (1, 2, 4),
                "encoder_patch": 2,
                "unet_channels": 64,
                "unet_multipliers": (1,),
                "num_blocks": 2,
                "mechanism": "affine",
                "mechanism_hidden": 64,
            },
            "sample": {"solver": "dpm_solver", "num_steps": 10, "depth": 0.99, "corrections": 2},
            "train": {
                "steps": 28_000,
                "condition": "mean",
                "warmup_steps": 500,
                "anneal_steps": 500,
                "checkpoint_every": 2_000,
            },
            "evaluate": {"predictor_steps": 2_000},
        },
        smoke={"data": SMOKE_SIZES},
        paper={
            "model": {
                "mechanism": "additive",
                "block_dim": 256,
                "unet_channels": 128,
                "encoder_multipliers": (1, 2, 2),
                "unet_multipliers": (1, 2, 2),
                "attention": (14, 7),
            },
        },
    )
