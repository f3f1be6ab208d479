"""Looks at a dataset before training:

python -m experiments.inspect --config=configs/pendulum.py:cpu --output=sheet.png
"""

import importlib
import pathlib
import sys

if __name__ == "inspect":  # after `python experiments/train.py` this folder comes first and hides Python's own module
    sys.path[0] = str(pathlib.Path(__file__).parent.parent)
    del sys.modules["inspect"]
    sys.modules["inspect"] = importlib.import_module("inspect")
elif __name__ == "__main__":
    from cdae_jax.commands.common import run
    from cdae_jax.commands.inspect import main

    run(main)
