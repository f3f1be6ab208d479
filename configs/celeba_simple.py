"""CelebA with another graph: Smiling and Eyeglasses, of which neither causes the other.

python -m experiments.train --config=configs/celeba_simple.py:cpu --config.data.celeba_dir=<folder> --workdir=runs/faces

:cpu, :paper and :smoke as in celeba.py.
"""

import ml_collections

from cdae_jax.commands.config import config_of


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, perhaps of another method than ours: "cpu,method=paper"."""
    return config_of("celeba_simple", argument)
