"""Pendulum: angle, light -> length, position of the shadow.

python -m experiments.train --config=configs/pendulum.py:cpu --workdir=runs/pendulum

:cpu    two CPU cores, 32 pixels
:paper  the published sizes and diffusion process, 96 pixels, for accelerators (never run to the end here)
:smoke  seconds, for tests
"""

import ml_collections

from configs.common import config_of

GRAPH = {  # in the order of tables and plots
    "angle": {"unit": "deg"},
    "light": {"unit": "deg"},
    "length": {"parents": ("angle", "light"), "unit": "units"},
    "position": {"parents": ("angle", "light"), "unit": "units"},
}


def get_config(size: str = "cpu") -> ml_collections.ConfigDict:
    """The config of one size: "cpu", "paper" or "smoke"."""
    cpu = {
        "data": {
            "name": "pendulum",
            "sampling": "continuous",
            "resolution": 32,
            "train_size": 50_000,
            "test_size": 2_000,
            "seed": 0,
            "mnist_dir": "",
            "data_dir": "data",
        },
        "model": {
            "block_dim": 4,
            "encoder_channels": 64,
            "encoder_multipliers": (1, 2),
            "unet_channels": 128,
            "unet_multipliers": (1, 1),
            "num_blocks": 1,
            "attention": (),
            "num_heads": 4,
            "patch": 4,
            "mechanism_hidden": 256,
            "prior": "fixed",
            "prior_sd": 0.05,
        },
        "diffusion": {"num_steps": 1000, "schedule": "cosine", "prediction": "v"},
        "train": {
            "steps": 6_200,
            "batch_size": 16,
            "learning_rate": 1e-3,
            "warmup_steps": 200,
            "decay": True,
            "weight_decay": 1e-4,
            "clip_norm": 1.0,
            "ema_decay": 0.999,
            "kl_u": 0.02,
            "kl_z": 0.02,
            "mechanism": 1.0,
            "anneal_steps": 200,
            "condition_drop": 0.1,
            "log_every": 100,
            "checkpoint_every": 1_000,
            "seed": 0,
        },
        "sample": {"num_steps": 20, "guidance": 1.0},
        "evaluate": {"num_images": 512, "predictor_steps": 1_000},
    }
    smoke = {
        "data": {"resolution": 16, "train_size": 256, "test_size": 64},
        "model": {"encoder_channels": 8, "unet_channels": 8, "mechanism_hidden": 16},
        "train": {"steps": 20, "batch_size": 16, "warmup_steps": 5, "log_every": 5, "checkpoint_every": 10},
        "sample": {"num_steps": 4},
        "evaluate": {"num_images": 16, "predictor_steps": 10},
    }
    paper = {
        "data": {"sampling": "grid", "resolution": 96, "train_size": 5_482, "test_size": 1_826},
        "model": {
            "block_dim": 16,
            "encoder_channels": 128,
            "encoder_multipliers": (1, 2, 3, 4),
            "unet_multipliers": (1, 2, 3, 4),
            "num_blocks": 3,
            "attention": (12,),
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
