"""The published CausalCircuit: arm -> blue, green, red; blue -> red; green -> red. You bring its files:

python -m experiments.train --config=configs/causal_circuit.py:cpu --config.data.circuit_dir=<folder> \
    --workdir=runs/causal_circuit

Never run here, since the data cannot be shipped; the reader is tested on files of the same layout.

:cpu    two CPU cores, 64 pixels
:paper  the published sizes, 128 pixels, for accelerators
:smoke  seconds, for tests
"""

import ml_collections

from cdae_jax.commands.config import config_of


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, perhaps of another method than ours: "cpu,method=paper"."""
    return config_of("causal_circuit", argument)
