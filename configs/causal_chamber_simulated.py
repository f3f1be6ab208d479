"""The light tunnel as the causalchamber package simulates it (`cdae_jax/data/simulated_chamber.py`).

python -m experiments.train --config=configs/causal_chamber_simulated.py:cpu --workdir=runs/chamber

:cpu, :paper and :smoke as in causal_chamber.py.
"""

import ml_collections

from cdae_jax.commands.config import config_of


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, perhaps of another method than ours: "cpu,method=paper"."""
    return config_of("causal_chamber_simulated", argument)
