"""Writes a small dataset to try your own data with:

python -m experiments.make_example --output=example
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.make_example import main

if __name__ == "__main__":
    run(main)
