"""Several processes that train as one: starting them, waiting for each other, agreeing. One alone needs none of it."""

import contextlib
import faulthandler
import os
import re
import sys
from collections.abc import Iterator

import jax
import numpy as np
from jax.experimental import multihost_utils

from cdae_jax.errors import InputError

HEARTBEAT_SECONDS = 30  # a process that was silent for so long is taken for lost, and the others end
AGREE_EVERY = 10  # steps between two exchanges of `any_process`
LOST_CODE = 4  # exit code of a process that was left alone
# In the errors of collectives.
SIGNS_OF_LOSS = r"Gloo|NCCL|UNAVAILABLE|ABORTED|DEADLINE_EXCEEDED|[Cc]onnection|heartbeat"


def start(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
    """Makes this process one of several; must come before anything asks JAX for its devices.

    The coordinator is host:port of process 0, with which the other two are needed; "auto" asks the cluster (Slurm,
    Cloud TPU, GKE, Open MPI); None is for a process that is alone. Raises InputError for an incomplete description, or
    if no cluster and no coordinator answers.
    """
    if coordinator is None:
        if num_processes is not None or process_id is not None:
            raise InputError("--num_processes and --process_id need --coordinator=host:port of process 0, or auto")
        return
    faulthandler.disable()  # the runtime says itself that the coordinator was lost; no stack traces of threads after it
    given = {}
    if coordinator != "auto":
        if num_processes is None or process_id is None or not 0 <= process_id < num_processes:
            needs = "needs --num_processes and a --process_id from 0 up to but not including it"
            raise InputError(f"--coordinator={coordinator} {needs} (they are {num_processes} and {process_id})")
        given = {"coordinator_address": coordinator, "num_processes": num_processes, "process_id": process_id}
    try:
        jax.distributed.initialize(**given, heartbeat_timeout_seconds=HEARTBEAT_SECONDS, initialization_timeout=120)
    except (RuntimeError, ValueError) as err:
        says = f"the processes did not find each other ({first_line(err)})"
        reached = f"--coordinator={coordinator} can be reached from every host"
        raise InputError(f"{says}: check that {reached} and that every process was started") from err


def first_line(err: Exception) -> str:
    """The first line of an error's message; its type if the message is empty."""
    return (str(err).strip() or type(err).__name__).splitlines()[0]


def is_first() -> bool:
    """Whether this process writes the files that only one of them may write."""
    return jax.process_index() == 0


def tells_of_loss(err: Exception) -> bool:
    """Whether an error means that another process was lost."""
    return jax.process_count() > 1 and re.search(SIGNS_OF_LOSS, str(err)) is not None


@contextlib.contextmanager
def ending_if_one_is_lost() -> Iterator[None]:
    """Ends this process with a sentence and the exit code LOST_CODE if the block fails because another process was
    lost. It ends at once, without cleaning up: an orderly exit would wait for the lost process."""
    try:
        yield
    except (RuntimeError, ValueError) as err:
        if not tells_of_loss(err):
            raise
        again = "start the same command on every host again, which goes on from the newest checkpoint"
        print(f"\nerror: another process was lost ({first_line(err)}): {again}", file=sys.stderr, flush=True)
        os._exit(LOST_CODE)


def wait_for_all(name: str) -> None:
    """Returns when every process has reached this call."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)


def any_process(flag: bool, step: int) -> bool:
    """Whether the flag holds in any process. Several exchange it every AGREE_EVERY steps; in between it is False."""
    if jax.process_count() == 1:
        return flag
    return step % AGREE_EVERY == 0 and bool(np.any(multihost_utils.process_allgather(np.asarray(flag))))
