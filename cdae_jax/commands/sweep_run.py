"""Runs the processes of a sweep, and ends them when the sweep ends."""

import os
import signal
import subprocess
import sys
import time

from cdae_jax.commands.sweep_plan import Run
from cdae_jax.progress import tqdm


def wait_for_any(processes: list[subprocess.Popen]) -> None:
    """Returns when one of them has ended."""
    while all(process.poll() is None for process in processes):
        time.sleep(0.2)


def start(run: Run) -> subprocess.Popen:
    """A process that trains and then evaluates one run; everything it prints goes to the run's log.

    It first waits for another process that does the same run, left over from a sweep that was killed, to end: the lock
    belongs to whatever command of the run is still alive.
    """
    script = f"""
import fcntl, subprocess
lock = open({str(run.lock)!r}, "w")
fcntl.flock(lock, fcntl.LOCK_EX)
for command in {run.commands()!r}:
    subprocess.run(command, check=True, pass_fds=[lock.fileno()])
"""
    with run.log.open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-c", script], stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def run_all(runs: list[Run], max_parallel: int) -> list[str]:
    """Runs what is not finished, at most max_parallel at once; returns the names of those that failed."""
    if max_parallel > 1:  # each would take three quarters of a GPU's memory at once
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    waiting = [run for run in runs if not run.finished]
    running: list[tuple[Run, subprocess.Popen]] = []
    failed = []
    with tqdm(total=len(runs), initial=len(runs) - len(waiting), desc="runs", unit="run") as bar:
        try:
            while waiting or running:
                unfinished = [run.folder for run in waiting] + [run.folder for run, _ in running]
                ready = [run for run in waiting if run.trained_in not in unfinished]
                for run in ready[: max_parallel - len(running)]:
                    waiting.remove(run)
                    running.append((run, start(run)))
                bar.set_postfix_str(", ".join(run.name for run, _ in running))
                wait_for_any([process for _, process in running])
                for run, process in [pair for pair in running if pair[1].poll() is not None]:
                    running.remove((run, process))
                    bar.update()
                    if process.returncode or not run.finished:
                        failed.append(run.name)
                        last = run.last_words()
                        run.failure.write_text(f"{last}\n")
                        bar.write(f"failed: {run.name}: {last} (see {run.log})")
                    else:
                        run.failure.unlink(missing_ok=True)
        finally:
            for _, process in running:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
    return failed
