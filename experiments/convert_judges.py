"""Converts the judges of the MorphoMNIST benchmark to .npz files:

python -m experiments.convert_judges --checkpoints=trained_classifiers --output=judges
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.convert_judges import main

if __name__ == "__main__":
    run(main)
