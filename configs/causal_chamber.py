"""The light tunnel: red -> green -> blue. You bring its images (`cdae_jax/data/causal_chamber.py`):

python -m experiments.train --config=configs/causal_chamber.py:cpu --config.data.chamber_dir=<folder>
  --workdir=runs/chamber

:cpu    two CPU cores, 32 pixels
:paper  sizes as published for other data of that resolution, 64 pixels, for accelerators
:smoke  seconds, for tests
"""

import ml_collections

from cdae_jax.commands.config import config_of


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, perhaps of another method than ours: "cpu,method=paper"."""
    return config_of("causal_chamber", argument)
