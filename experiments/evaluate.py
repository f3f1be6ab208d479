"""Measures a trained model on test images:

python -m experiments.evaluate --workdir=runs/pendulum
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.evaluate import main

if __name__ == "__main__":
    run(main)
