"""The best solver, steps, depth, guidance and corrections of a trained model:

python -m experiments.frontier --workdir=runs/pendulum
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.frontier import main

if __name__ == "__main__":
    run(main)
