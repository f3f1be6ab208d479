"""Runs the processes of a sweep, and ends them when the sweep ends."""

import os
import signal
import subprocess
import sys
import time

from cdae_jax.commands.sweep_plan import Run
from cdae_jax.distributed import claims
from cdae_jax.progress import tqdm


def wait_for_any(processes: list[subprocess.Popen]) -> None:
    """Returns when one of them has ended, or after POLL_SECONDS, to see what other processes of the sweep have done."""
    until = time.monotonic() + claims.POLL_SECONDS
    while time.monotonic() < until and all(process.poll() is None for process in processes):
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


def _failed_at(run: Run) -> int | None:
    return run.failure.stat().st_mtime_ns if run.failure.is_file() else None


def run_all(runs: list[Run], max_parallel: int) -> list[str]:
    """Returns when all runs are finished or have failed, and the names of those that failed.

    This process does at most max_parallel at once, and leaves alone what another process of the same sweep is doing
    (`claims`) or has failed to do since this one was started.
    """
    if max_parallel > 1:  # each would take three quarters of a GPU's memory at once
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    waiting = [run for run in runs if not run.finished]
    before = {run.name: _failed_at(run) for run in waiting}
    running: list[tuple[Run, claims.Claim, subprocess.Popen]] = []
    failed = []
    with tqdm(total=len(runs), initial=len(runs) - len(waiting), desc="runs", unit="run") as bar:
        try:
            while waiting or running:
                for run in tuple(waiting):
                    unfinished = [other.folder for other in waiting] + [other.folder for other, _, _ in running]
                    if len(running) == max_parallel or run.trained_in in unfinished:
                        continue
                    claim = claims.take(run.folder)
                    if claim is None:
                        continue
                    waiting.remove(run)
                    failed_there = _failed_at(run) not in (None, before[run.name])
                    if run.finished or failed_there:
                        failed += [run.name] * failed_there
                        claim.release(done=True)
                        bar.update()
                    else:
                        running.append((run, claim, start(run)))
                bar.set_postfix_str(", ".join(run.name for run, _, _ in running) or "of other processes")
                wait_for_any([process for _, _, process in running])
                for run, claim, process in [entry for entry in running if entry[2].poll() is not None]:
                    running.remove((run, claim, process))
                    bar.update()
                    if process.returncode or not run.finished:
                        failed.append(run.name)
                        last = run.last_words()
                        run.failure.write_text(f"{last}\n")
                        bar.write(f"failed: {run.name}: {last} (see {run.log})")
                    else:
                        run.failure.unlink(missing_ok=True)
                    claim.release(done=True)
        finally:
            for _, claim, process in running:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
                claim.release(done=False)
    return failed
