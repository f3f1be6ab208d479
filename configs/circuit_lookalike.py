"""Circuit look-alike: arm -> blue, green, red; blue -> red; green -> red. Not the published CausalCircuit.

python -m experiments.train --config=configs/circuit_lookalike.py:cpu --workdir=runs/circuit

:cpu    two CPU cores, 64 pixels
:paper  the sizes published for CausalCircuit, 128 pixels, for accelerators (never run to the end here)
:smoke  seconds, for tests
"""

import ml_collections

from configs.common import SMOKE_SIZES, config_of

GRAPH = {  # in the order of tables and plots
    "arm": {},
    "blue": {"parents": ("arm",)},
    "green": {"parents": ("arm",)},
    "red": {"parents": ("arm", "blue", "green")},
}


CPU = {
    "data": {
        "name": "circuit_lookalike",
        "resolution": 64,
        "train_size": 50_000,
        "test_size": 2_000,
        "interventional_share": 0.0,
    },
    "model": {"encoder_patch": 8, "patch": 8, "mechanism": "affine"},
    "train": {"steps": 20_000},
    "sample": {"num_steps": 30},
    "evaluate": {"predictor_steps": 200},
}
PAPER = {
    "data": {"resolution": 128},
    "model": {
        "block_dim": 128,
        "encoder_multipliers": (1, 1, 2, 2, 4, 4),
        "unet_multipliers": (1, 1, 2, 2, 4, 4),
        "attention": (16, 8),
        "mechanism": "additive",
    },
    "diffusion": {"num_steps": 2000},
}


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, "cpu", "paper" or "smoke", perhaps of a baseline: "cpu,baseline=diffae"."""
    smoke = {"data": {"resolution": 32, **SMOKE_SIZES}}
    return config_of(argument, GRAPH, cpu=CPU, smoke=smoke, paper=PAPER)
