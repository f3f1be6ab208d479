"""MorphoMNIST: thickness -> intensity of handwritten digits, the digit as context.

python -m experiments.train --config=configs/morpho_mnist.py:cpu --config.data.mnist_dir=<folder> --workdir=runs/mnist

:cpu    two CPU cores
:paper  the published sizes and diffusion process, for accelerators (never run to the end here)
:smoke  seconds, for tests
"""

import ml_collections

from configs.common import config_of

GRAPH = {  # in the order of tables and plots
    "thickness": {"unit": "px"},
    "intensity": {"parents": ("thickness",), "unit": "grey levels"},
}


def get_config(size: str = "cpu") -> ml_collections.ConfigDict:
    """The config of one size: "cpu", "paper" or "smoke"."""
    cpu = {
        "data": {
            "name": "morpho_mnist",
            "resolution": 28,
            "train_size": 60_000,
            "test_size": 10_000,
            "seed": 0,
            "mnist_dir": "",
            "data_dir": "data",
        },
        "model": {
            "block_dim": 4,
            "encoder_channels": 64,
            "encoder_multipliers": (1, 2),
            "unet_channels": 128,
            "unet_multipliers": (1,),
            "num_blocks": 2,
            "attention": (),
            "num_heads": 4,
            "patch": 4,
            "mechanism_hidden": 64,
            "prior": "fixed",
            "prior_sd": 0.05,
        },
        "diffusion": {"num_steps": 1000, "schedule": "cosine", "prediction": "v"},
        "train": {
            "steps": 16_000,
            "batch_size": 16,
            "learning_rate": 1e-3,
            "warmup_steps": 500,
            "decay": True,
            "weight_decay": 1e-4,
            "clip_norm": 1.0,
            "ema_decay": 0.999,
            "kl_u": 0.02,
            "kl_z": 0.02,
            "mechanism": 1.0,
            "anneal_steps": 500,
            "condition_drop": 0.1,
            "log_every": 100,
            "checkpoint_every": 2_000,
            "seed": 0,
        },
        "sample": {"num_steps": 20, "guidance": 1.0},
        "evaluate": {"num_images": 512, "predictor_steps": 2_500},
    }
    smoke = {
        "data": {"train_size": 300, "test_size": 64},
        "model": {"encoder_channels": 8, "unet_channels": 8, "mechanism_hidden": 16},
        "train": {"steps": 20, "batch_size": 16, "warmup_steps": 5, "log_every": 5, "checkpoint_every": 10},
        "sample": {"num_steps": 4},
        "evaluate": {"num_images": 16, "predictor_steps": 10},
    }
    paper = {
        "model": {
            "block_dim": 256,
            "encoder_channels": 128,
            "encoder_multipliers": (1, 2, 2),
            "unet_multipliers": (1, 2, 2),
            "num_blocks": 3,
            "attention": (14, 7),
            "patch": 1,
        },
        "diffusion": {"num_steps": 1000, "schedule": "linear", "prediction": "eps"},
        "train": {
            "steps": 200_000,
            "batch_size": 128,
            "learning_rate": 1e-4,
            "decay": False,
            "ema_decay": 0.9999,
            "checkpoint_every": 10_000,
        },
        "sample": {"num_steps": 250},
    }
    return config_of(GRAPH, size, cpu=cpu, smoke=smoke, paper=paper)
