"""How fast batches are made:

python -m experiments.benchmark_data
"""

from cdae_jax.commands.benchmark_data import main
from cdae_jax.commands.common import run

if __name__ == "__main__":
    run(main)
