"""Pendulum: angle, light -> length, position of the shadow.

python -m experiments.train --config=configs/pendulum.py:cpu --workdir=runs/pendulum

:cpu    two CPU cores, 32 pixels
:paper  the published sizes and diffusion process, 96 pixels, for accelerators (never run to the end here)
:smoke  seconds, for tests
"""

import ml_collections

from configs.common import SMOKE_SIZES, config_of

GRAPH = {  # in the order of tables and plots
    "angle": {"unit": "deg", "part": "pendulum"},
    "light": {"unit": "deg", "part": "lamp"},
    "length": {"parents": ("angle", "light"), "unit": "units", "part": "shadow"},
    "position": {"parents": ("angle", "light"), "unit": "units", "part": "shadow"},
}
PUBLISHED = {  # without drafts
    "model": {"decoder": "diffusion", "parts": False},
    "train": {"condition": "encoding", "refine_every": 1, "mechanism_alone": False, "mechanism_rate": 1.0},
    "sample": {"fit_steps": 0},
}


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, "cpu", "paper" or "smoke", perhaps of a baseline: "cpu,baseline=diffae"."""
    return config_of(
        argument,
        GRAPH,
        cpu={
            "data": {
                "name": "pendulum",
                "sampling": "continuous",
                "interventional_share": 0.0,
                "resolution": 32,
                "train_size": 50_000,
                "test_size": 2_000,
            },
            "model": {
                "decoder": "refiner",
                "parts": True,
                "encoder_channels": 32,
                "unet_channels": 64,
                "mechanism_hidden": 128,
            },
            "train": {
                "steps": 10_000,
                "condition": "mixed",
                "refine_every": 4,
                "mechanism_alone": True,
                "mechanism_rate": 10.0,
                "mechanism_missing": 1.0,
            },
            "sample": {"solver": "dpm_solver", "num_steps": 5, "fit_steps": 2},
        },
        smoke={"data": {"resolution": 16, **SMOKE_SIZES}, **PUBLISHED},
        paper={
            **PUBLISHED,
            "data": {"sampling": "grid", "resolution": 96, "train_size": 5_482, "test_size": 1_826},
            "model": PUBLISHED["model"]
            | {
                "block_dim": 16,
                "unet_channels": 128,
                "mechanism_hidden": 256,
                "encoder_multipliers": (1, 2, 3, 4),
                "unet_multipliers": (1, 2, 3, 4),
                "attention": (12,),
            },
        },
    )
