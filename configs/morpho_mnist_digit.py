"""MorphoMNIST with the digit as a variable of the graph: thickness -> intensity, and the digit, which causes neither.

python -m experiments.train --config=configs/morpho_mnist_digit.py:cpu --config.data.mnist_dir=<folder> --workdir=runs/m

:cpu, :paper and :smoke as in morpho_mnist.py; do(digit) then works as any other.
"""

import ml_collections

from cdae_jax.commands.config import config_of


def get_config(argument: str = "cpu") -> ml_collections.ConfigDict:
    """The config of a size, perhaps of another method than ours: "cpu,method=paper"."""
    return config_of("morpho_mnist_digit", argument)
