"""Trains ours and every baseline, measures all and puts them side by side:

python -m experiments.baselines --config=configs/pendulum.py:cpu --workdir=runs/baselines
"""

from cdae_jax.commands.baselines import main
from cdae_jax.commands.common import run

if __name__ == "__main__":
    run(main)
