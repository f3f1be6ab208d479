"""How fast a config trains and answers on this machine:

python -m experiments.benchmark --config=configs/pendulum.py:cpu
"""

from cdae_jax.commands.benchmark import main
from cdae_jax.commands.common import run

if __name__ == "__main__":
    run(main)
