"""Trains a model: python -m experiments.train --config=configs/pendulum.py:cpu --workdir=runs/pendulum

As one of several processes, each with the same workdir on a shared disk:

python -m experiments.train ... --coordinator=host0:1234 --num_processes=2 --process_id=0
python -m experiments.train ... --coordinator=auto      on a cluster that JAX knows (Slurm, Cloud TPU, GKE, Open MPI)
"""

from absl import flags
from ml_collections import config_flags

from cdae_jax.distributed import processes
from cdae_jax.settings.run import Settings
from cdae_jax.training.loop import train_model

CONFIG = config_flags.DEFINE_config_file("config", None, "Config file and size.", lock_config=True)
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; an unfinished run of the same config goes on.")
COORDINATOR = flags.DEFINE_string("coordinator", None, "host:port of process 0, or auto; alone without.")
NUM_PROCESSES = flags.DEFINE_integer("num_processes", None, "Processes that train together.", lower_bound=1)
PROCESS_ID = flags.DEFINE_integer("process_id", None, "Which of them this is, from 0.", lower_bound=0)
flags.mark_flags_as_required(["config", "workdir"])


def main() -> None:
    processes.start(COORDINATOR.value, NUM_PROCESSES.value, PROCESS_ID.value)
    train_model(Settings.from_dict(CONFIG.value.to_dict()), WORKDIR.value)
    if processes.is_first():
        print(f"trained; next: python -m experiments.evaluate --workdir={WORKDIR.value}")
