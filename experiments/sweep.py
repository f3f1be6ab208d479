r"""Trains and evaluates every run of a sweep:

python -m experiments.sweep --config=configs/pendulum.py:cpu --sweep=configs/sweeps/label_fraction.py \
    --workdir=runs/sweep
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.sweep import main

if __name__ == "__main__":
    run(main)
