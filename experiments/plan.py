"""What a config would need on a TPU slice, asked of the TPU's compiler:

python -m experiments.plan --config=configs/morpho_mnist.py:paper --topology=v5e:4x4
"""

from cdae_jax.commands.common import run
from cdae_jax.commands.plan import main

if __name__ == "__main__":
    run(main)
