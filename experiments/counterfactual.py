"""Counterfactuals of test images as a picture:

python -m experiments.counterfactual --workdir=runs/pendulum --do=angle=20,light=110 --output=cf.png
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.counterfactual import main

if __name__ == "__main__":
    run(main)
