"""A trained model as one file that travels:

python -m experiments.export --workdir=runs/pendulum --output=pendulum.cdae
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.export import main

if __name__ == "__main__":
    run(main)
