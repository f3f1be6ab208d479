"""MorphoMNIST: thickness -> intensity of handwritten digits, the digit as context.

python -m experiments.train --config=configs/morpho_mnist.py:cpu --config.data.mnist_dir=<folder> --workdir=runs/mnist

:cpu    two CPU cores
:paper  the published sizes, for accelerators (never run to the end here)
:smoke  seconds, for tests
"""

import ml_collections

from cdae_jax.commands.config import config_of


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, perhaps of another method than ours: "cpu,method=paper"."""
    return config_of("morpho_mnist", argument)
