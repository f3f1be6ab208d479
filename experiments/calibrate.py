"""How sure a trained model's counterfactuals are, for draws:

python -m experiments.calibrate --workdir=runs/pendulum
"""

from cdae_jax.commands.calibrate import main
from cdae_jax.commands.common import run

if __name__ == "__main__":
    run(main)
