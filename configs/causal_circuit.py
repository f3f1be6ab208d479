"""The published CausalCircuit: arm -> blue, green, red; blue -> red; green -> red. You bring its files:

python -m experiments.train --config=configs/causal_circuit.py:cpu --config.data.circuit_dir=<folder> \
    --workdir=runs/causal_circuit

Never run here, since the data cannot be shipped; the reader is tested on files of the same layout.

:cpu    two CPU cores, 64 pixels
:paper  the published sizes, 128 pixels, for accelerators
:smoke  seconds, for tests
"""

import ml_collections

from configs import circuit_lookalike
from configs.common import SMOKE_SIZES, config_of

GRAPH = circuit_lookalike.GRAPH


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, "cpu", "paper" or "smoke", perhaps of a baseline: "cpu,baseline=diffae"."""
    cpu = circuit_lookalike.CPU | {
        "data": {
            "name": "causal_circuit",
            "circuit_dir": "",
            "resolution": 64,
            "train_size": 50_000,
            "test_size": 2_000,
        }
    }
    smoke = {"data": {"resolution": 32, **SMOKE_SIZES}}
    return config_of(argument, GRAPH, cpu=cpu, smoke=smoke, paper=circuit_lookalike.PAPER)
