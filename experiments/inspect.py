"""Looks at a dataset before training:

python -m experiments.inspect --config=configs/pendulum.py:cpu --output=sheet.png
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.inspect import main

if __name__ == "__main__":
    run(main)
