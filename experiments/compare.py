"""Puts evaluated models side by side:

python -m experiments.compare --workdirs=runs/pendulum,runs/diffae --output=comparison
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.compare import main

if __name__ == "__main__":
    run(main)
