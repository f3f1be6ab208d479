"""Pendulum: angle, light -> length, position of the shadow.

python -m experiments.train --config=configs/pendulum.py:cpu --workdir=runs/pendulum

:cpu    two CPU cores, 32 pixels
:paper  the published sizes, 96 pixels, for accelerators (never run to the end here)
:smoke  seconds, for tests
"""

import ml_collections

from cdae_jax.commands.config import config_of


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, perhaps of another method than ours: "cpu,method=paper"."""
    return config_of("pendulum", argument)
