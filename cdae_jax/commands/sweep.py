"""Trains and evaluates all runs of a sweep, each with its log.

Started again, it skips what is finished, resumes what was interrupted and tries again what failed. Started several
times at once, on one machine or on many with one disk, it shares the runs out. Every --config.x=y goes to all runs.
What is finished is gathered into results.csv, results.json and results.png.

cdae sweep --config=pendulum:cpu --sweep=label_fraction --workdir=runs/sweep
"""

import pathlib
import signal
import sys

from absl import flags

from cdae_jax.commands import config, define, sweep_plan, sweep_run
from cdae_jax.errors import InputError

CONFIG = config.define()
SWEEP = define.path("sweep", None, "Name of a sweep, or a Python file with get_sweep() -> list of overrides.")
WORKDIR = define.path("workdir", None, "Folder of the sweep; every run gets a folder in it.")
MAX_PARALLEL = flags.DEFINE_integer("max_parallel", 1, "Runs at the same time.", lower_bound=1)
DRY_RUN = flags.DEFINE_bool("dry_run", False, "Print the plan and the estimated time, and stop.")
COLLECT = flags.DEFINE_bool("collect", False, "Gather the finished runs and stop.")
ONLY = flags.DEFINE_list(
    "parts", list(sweep_plan.PARTS), f"What to measure of each run, some of {', '.join(sweep_plan.PARTS)}."
)
flags.mark_flags_as_required(["config", "sweep", "workdir"])


def main() -> None:
    folder = pathlib.Path(WORKDIR.value)
    overrides, parts = sweep_plan.read_sweep(SWEEP.value), tuple(ONLY.value)
    runs = sweep_plan.make_runs(CONFIG.value, overrides, folder, parts, tuple(config.argv_of()))
    if COLLECT.value:
        print(sweep_plan.collect(runs, folder))
        return
    runs = sweep_plan.share_training(runs)
    if DRY_RUN.value:
        print(sweep_plan.describe(runs))
        return
    sweep_plan.agree(folder, runs, CONFIG.value)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends the runs on the way out
    failed = sweep_run.run_all(runs, MAX_PARALLEL.value)
    print(sweep_plan.collect(runs, folder))
    if failed:
        raise InputError(f"{len(failed)} of {len(runs)} runs failed ({', '.join(failed[:3])}): the others are done")
