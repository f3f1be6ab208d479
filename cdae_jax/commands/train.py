"""Trains a model; an interrupted run goes on when run again.

A finished run goes on too where --config.train.steps is larger than before.

One of several processes, each with the same workdir on a shared disk, is started with --coordinator=host0:1234
--num_processes=2 --process_id=0, or --coordinator=auto on a cluster that JAX knows (Slurm, Cloud TPU, GKE, Open MPI).

cdae train --config=pendulum:cpu --workdir=runs/pendulum
"""

from absl import flags

from cdae_jax.commands import config, define
from cdae_jax.distributed import processes
from cdae_jax.inference.loading import origin
from cdae_jax.training.loop import train_model

config.define()
WORKDIR = define.path("workdir", None, "Folder of the run; an unfinished run of the same config goes on.")
INIT_FROM = define.path("init_from", None, "Workdir or .cdae file of a model to start from.")
COORDINATOR = flags.DEFINE_string("coordinator", None, "host:port of process 0, or auto; alone without.")
NUM_PROCESSES = flags.DEFINE_integer("num_processes", None, "Processes that train together.", lower_bound=1)
PROCESS_ID = flags.DEFINE_integer("process_id", None, "Which of them this is, from 0.", lower_bound=0)
flags.mark_flags_as_required(["config", "workdir"])


def main() -> None:
    processes.start(COORDINATOR.value, NUM_PROCESSES.value, PROCESS_ID.value)
    train_model(config.settings(), WORKDIR.value, origin(INIT_FROM.value))
    if processes.is_first():
        print(f"trained; next: cdae evaluate --workdir={WORKDIR.value}")
