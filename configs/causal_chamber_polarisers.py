"""The light tunnel with two polarisers: red, pol_2 -> green; green, pol_2 -> blue; red -> pol_1.

python -m experiments.train --config=configs/causal_chamber_polarisers.py:cpu --config.data.chamber_dir=<folder>
  --workdir=runs/chamber

:cpu, :paper and :smoke as in causal_chamber.py.
"""

import ml_collections

from cdae_jax.commands.config import config_of


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, perhaps of another method than ours: "cpu,method=paper"."""
    return config_of("causal_chamber_polarisers", argument)
