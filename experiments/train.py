"""Trains a model:

python -m experiments.train --config=configs/pendulum.py:cpu --workdir=runs/pendulum
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.train import main

if __name__ == "__main__":
    run(main)
