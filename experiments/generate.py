"""Counterfactuals of many images, in shards:

python -m experiments.generate --workdir=runs/pendulum --input=images.npz --do=angle=20 --output=angle20
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.generate import main

if __name__ == "__main__":
    run(main)
