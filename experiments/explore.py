"""A page in the browser about a trained model:

python -m experiments.explore --workdir=runs/pendulum
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.explore import main

if __name__ == "__main__":
    run(main)
