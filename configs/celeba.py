"""CelebA: Young, Male -> No_Beard, Bald. You bring its files (`cdae_jax/data/celeba.py`):

python -m experiments.train --config=configs/celeba.py:cpu --config.data.celeba_dir=<folder> --workdir=runs/celeba

Never trained here, since the data cannot be shipped; the reader is tested on files of the same layout.

:cpu    two CPU cores, 64 pixels
:paper  sizes as published for other data of that resolution, 64 pixels, for accelerators
:smoke  seconds, for tests
"""

import ml_collections

from cdae_jax.commands.config import config_of


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, perhaps of another method than ours: "cpu,method=paper"."""
    return config_of("celeba", argument)
