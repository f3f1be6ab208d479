"""Which mechanism fits each effect, and how far off it is, from labels alone:

python -m experiments.mechanisms --config=configs/pendulum.py:cpu
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.mechanisms import main

if __name__ == "__main__":
    run(main)
