"""How much of each factor can be read out of x_T, u, z and the pixels:

python -m experiments.leak --workdir=runs/pendulum
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.leak import main

if __name__ == "__main__":
    run(main)
