"""Circuit look-alike: arm -> blue, green, red; blue -> red; green -> red. Not the published CausalCircuit.

python -m experiments.train --config=configs/circuit_lookalike.py:cpu --workdir=runs/circuit

:cpu    two CPU cores, 64 pixels
:paper  the sizes published for CausalCircuit, 128 pixels, for accelerators (never run to the end here)
:smoke  seconds, for tests
"""

import ml_collections

from cdae_jax.commands.config import config_of


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, perhaps of another method than ours: "cpu,method=paper"."""
    return config_of("circuit_lookalike", argument)
