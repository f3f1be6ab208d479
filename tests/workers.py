"""What one of the workers makes for all of them."""

import contextlib
import fcntl
import os
import pathlib


@contextlib.contextmanager
def one_worker(name):
    """A folder of that name that all workers of the session share; inside is one of them at a time."""
    runs = pathlib.Path(os.environ["CDAE_JAX_TEST_CACHE"]) / "runs"
    runs.mkdir(exist_ok=True)
    with (runs / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield runs / name
