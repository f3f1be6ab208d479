"""The circuit look-alike without its variable arm: a common cause of all others that no label and no graph names.

python -m experiments.train --config=configs/circuit_hidden_cause.py:cpu --workdir=runs/hidden

The sizes are those of circuit_lookalike.py.
"""

import ml_collections

from cdae_jax.commands.config import config_of


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, perhaps of another method than ours: "cpu,method=paper"."""
    config = config_of("circuit_lookalike", argument)
    del config.graph.arm
    for spec in config.graph.values():
        if "parents" in spec:
            spec.parents = tuple(parent for parent in spec.parents if parent != "arm")
    return config
