"""Trains and evaluates every run of a sweep, each in its own process with its own log:

python -m experiments.sweep --config=configs/pendulum.py:cpu --sweep=configs/sweeps/label_fraction.py \
    --workdir=runs/sweeps/labels

Started again, it skips what is finished, resumes what was interrupted and tries again what failed. --dry_run prints the
plan and how long it will take; --shard=0/4 does every fourth run, for several hosts; --collect gathers what is finished
into results.csv, results.json and results.png. Every --config.x=y goes to all runs.
"""

import os
import pathlib
import signal
import subprocess
import sys

from absl import flags
from ml_collections import config_flags
from tqdm import tqdm

from cdae_jax.errors import InputError
from experiments import common, sweep_plan

CONFIG = config_flags.DEFINE_config_file("config", None, "Config file and size of every run.", lock_config=True)
SWEEP = flags.DEFINE_string("sweep", None, "A Python file with get_sweep() -> list of overrides.")
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the sweep; every run gets a folder in it.")
MAX_PARALLEL = flags.DEFINE_integer("max_parallel", 1, "Runs at the same time.", lower_bound=1)
DRY_RUN = flags.DEFINE_bool("dry_run", False, "Print the plan and the estimated time, and stop.")
SHARD = flags.DEFINE_string("shard", "0/1", "i/n: only every n-th run, from the i-th on.")
COLLECT = flags.DEFINE_bool("collect", False, "Gather the finished runs and stop.")
flags.mark_flags_as_required(["config", "sweep", "workdir"])


def config_argv() -> list[str]:
    """The --config flags of this command, which every run gets too."""
    argv = sys.argv[1:]
    return [arg for arg in argv if arg.lstrip("-").startswith("config")]


def start(run: sweep_plan.Run, argv: list[str]) -> subprocess.Popen:
    """A process that trains and then evaluates one run; everything it prints goes to the run's log."""
    script = f"import subprocess\nfor command in {run.commands(argv)!r}: subprocess.run(command, check=True)"
    with run.log.open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-c", script], stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def run_all(runs: list[sweep_plan.Run], argv: list[str], max_parallel: int) -> list[str]:
    """Runs what is not finished, at most max_parallel at once; returns the names of those that failed."""
    waiting = [run for run in runs if not run.finished]
    running: list[tuple[sweep_plan.Run, subprocess.Popen]] = []
    failed = []
    with tqdm(total=len(runs), initial=len(runs) - len(waiting), desc="runs", unit="run") as bar:
        try:
            while waiting or running:
                unfinished = [run.folder for run in waiting] + [run.folder for run, _ in running]
                ready = [run for run in waiting if run.trained_in not in unfinished]
                for run in ready[: max_parallel - len(running)]:
                    waiting.remove(run)
                    running.append((run, start(run, argv)))
                bar.set_postfix_str(", ".join(run.name for run, _ in running))
                sweep_plan.wait_for_any([process for _, process in running])
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
    return failed


def main() -> None:
    folder = pathlib.Path(WORKDIR.value)
    runs = sweep_plan.make_runs(CONFIG.value, sweep_plan.read_sweep(SWEEP.value), folder)
    if COLLECT.value:
        print(sweep_plan.collect(runs, folder))
        return
    mine = sweep_plan.share_training(sweep_plan.shard(runs, SHARD.value))
    if DRY_RUN.value:
        print(sweep_plan.describe(mine, config_argv()))
        return
    sweep_plan.claim(folder, runs, CONFIG.value)
    failed = run_all(mine, config_argv(), MAX_PARALLEL.value)
    print(sweep_plan.collect(runs, folder))
    if failed:
        raise InputError(f"{len(failed)} of {len(mine)} runs failed ({', '.join(failed[:3])}): the others are done")


if __name__ == "__main__":
    common.run(main)
