"""Trains a model: python -m experiments.train --config=configs/pendulum.py:cpu --workdir=runs/pendulum"""

from absl import flags
from ml_collections import config_flags

from cdae_jax.settings import Settings
from cdae_jax.train import train_model
from experiments import common

CONFIG = config_flags.DEFINE_config_file("config", None, "Config file and size.", lock_config=True)
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; an unfinished run of the same config goes on.")
flags.mark_flags_as_required(["config", "workdir"])


def main() -> None:
    train_model(Settings.from_dict(CONFIG.value.to_dict()), WORKDIR.value)
    print(f"trained; next: python -m experiments.evaluate --workdir={WORKDIR.value}")


if __name__ == "__main__":
    common.run(main)
