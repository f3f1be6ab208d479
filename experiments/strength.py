"""How counterfactuals answer to the strength of the change:

python -m experiments.strength --workdir=runs/pendulum
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.strength import main

if __name__ == "__main__":
    run(main)
