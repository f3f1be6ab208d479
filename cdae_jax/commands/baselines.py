"""Trains ours and every baseline, and puts them side by side.

All get as many seconds of training as ours takes: a step of each is timed first. --same=steps gives them as many
steps. Every --config.x=y goes to all, --change=causalvae:train.condition=mean to one. Started again, it skips what is
finished and goes on with what was interrupted; with more --names or --seeds it adds them. It writes comparison.* into
the workdir, where every model has a folder and a log.

cdae baselines --config=pendulum:cpu --workdir=runs/baselines
"""

import concurrent.futures
import itertools
import json
import multiprocessing
import pathlib
import re
import signal
import subprocess
import sys

from absl import flags

from cdae_jax.commands import common, config, define, sweep_plan, sweep_run
from cdae_jax.commands.sweep_plan import Run
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph
from cdae_jax.presets.methods import METHODS
from cdae_jax.profiling.benchmark import step_seconds
from cdae_jax.progress import tqdm
from cdae_jax.settings.run import Settings

OURS = "ours"
TITLES = {name: method["title"] for name, method in METHODS.items()}
SLOW = ("paper", "released")  # 250 steps each way: only where they are named
ROUND = 100  # steps, to whole multiples of which the others' are rounded
TIMED_SECONDS = 8.0  # of steps of each model; the shortest counts

CONFIG = config.define()
WORKDIR = define.path("workdir", None, "Folder of all; every model gets a folder in it.")
NAMES = flags.DEFINE_list(
    "names", None, f"Some of {', '.join(TITLES)}; default: all that differ here but {', '.join(SLOW)}."
)
SEEDS = flags.DEFINE_list("seeds", ["0"], "Training seeds of each; runs of one model are compared as one.")
SAME = flags.DEFINE_enum("same", "seconds", ["seconds", "steps"], "What all get as much of as ours.")
CHANGE = flags.DEFINE_multi_string("change", [], "name:section.field=value, for one of the models.")
ONLY = flags.DEFINE_list("parts", list(sweep_plan.PARTS), f"What to measure, some of {', '.join(sweep_plan.PARTS)}.")
MAX_PARALLEL = flags.DEFINE_integer("max_parallel", 1, "Models at the same time.", lower_bound=1)
DRY_RUN = flags.DEFINE_bool("dry_run", False, "Time the steps, print the plan, and stop.")
flags.mark_flags_as_required(["config", "workdir"])


def default_names(graph: CausalGraph) -> list[str]:
    """All except SLOW; one-hop mechanisms only where an effect is more than one edge away, else they equal ours."""
    children = {
        var.name: {child.name for child in graph.variables if var.name in child.parents} for var in graph.variables
    }
    is_deep = any(set(graph.descendants(name)) > below for name, below in children.items())
    return [name for name in TITLES if name not in SLOW and (name != "one_hop" or is_deep)]


def check_names(names: list[str]) -> list[str]:
    """The names, ours first. Raises InputError for unknown or repeated ones, and without ours."""
    if OURS not in names or not set(names) <= set(TITLES) or len(set(names)) < len(names):
        raise InputError(
            f"--names is {','.join(names)}: expected ours, the reference, and others of {', '.join(TITLES)}"
        )
    return sorted(names, key=lambda name: name != OURS)


def read_changes(given: list[str], names: list[str]) -> dict[str, list[str]]:
    """Name -> the --config flags of this model alone. Raises InputError for what is no "name:section.field=value"."""
    changes: dict[str, list[str]] = {name: [] for name in names}
    for text in given:
        match = re.fullmatch(r"(\w+):([\w.]+=.*)", text)
        if not match or match[1] not in names:
            raise InputError(
                f"--change is {text!r}: expected name:section.field=value with a name of {', '.join(names)}"
            )
        changes[match[1]].append(f"--config.{match[2]}")
    return changes


def flags_of(name: str, argv: list[str], changes: list[str]) -> list[str]:
    """The --config flags of a model from those of ours."""
    file, *overrides = argv
    return [file if name == OURS else f"{file},method={name}", *overrides, *changes]


def settings_of(name: str, argv: list[str]) -> Settings:
    """The settings of a model from its flags. Raises InputError for flags that no model can have."""
    values = flags.FlagValues()
    given = ["baselines", *argv]
    config.define(flag_values=values, argv=given)
    try:
        values(given)
        plain = values.config.to_dict()
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError, OSError) as err:
        raise InputError(f"{name} cannot have these settings: {common.sentence(err)}") from err
    try:
        return Settings.from_dict(plain).resolved()
    except InputError as err:
        raise InputError(f"{name} cannot be: {err}") from err


def make_runs(
    argv: dict[str, list[str]], seeds: list[str], steps: dict[str, int], folder: pathlib.Path, parts: tuple[str, ...]
) -> list[Run]:
    """One run for every model and seed, in the folder <name>_<seed>; `steps` where they are not the config's.

    Raises:
      InputError: settings that no model can have, a repeated seed.
    """
    if len(set(seeds)) < len(seeds):
        raise InputError(f"--seeds is {','.join(seeds)}: name each once")
    runs = []
    for name, shared in argv.items():
        for seed in seeds:
            own = [*shared, f"--config.train.seed={seed}"]
            own += [f"--config.train.steps={steps[name]}"] if name in steps else []
            runs.append(Run({}, settings_of(name, own), folder / f"{name}_{seed}", parts, argv=tuple(own)))
    return sweep_plan.share_training(runs)


def time_steps(runs: list[Run]) -> dict[str, float]:
    """Name of a run -> seconds of its training step; one after the other, in one process that gives the device back."""
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        timed = pool.map(step_seconds, [run.settings for run in runs], itertools.repeat(TIMED_SECONDS))
        return {
            run.name: seconds for run, seconds in zip(runs, tqdm(timed, "timing", len(runs), unit="model"), strict=True)
        }


def steps_in(seconds: float, of_a_step: float, every: int) -> int:
    """How many steps take that long, in whole multiples of `every`."""
    return max(1, round(seconds / of_a_step / every)) * every


def equal_steps(runs: list[Run], path: pathlib.Path, asked: dict) -> dict[str, int]:
    """Name of a model -> its steps, for those that train themselves; timed once and kept at `path`.

    Raises:
      InputError: what is kept was asked otherwise.
    """
    kept = json.loads(path.read_text()) if path.is_file() else {"asked": asked, "steps": {}, "step_seconds": {}}
    if kept["asked"] != asked:
        raise InputError(f"{path} was made for another config, --change or --same: choose another --workdir")
    first = {}
    for run in runs:
        first.setdefault(run.name.rpartition("_")[0], run)
    new = {name: run for name, run in first.items() if run.trained_in is None and name not in kept["steps"]}
    train = first[OURS].settings.train
    if asked["same"] == "steps":
        kept["steps"] |= dict.fromkeys(new, train.steps)
    elif new:
        found = time_steps(list(({OURS: first[OURS]} | new).values()))
        budget = train.steps * found[first[OURS].name]
        for name, run in new.items():
            of_a_step = found[run.name]
            kept["step_seconds"][name] = of_a_step
            kept["steps"][name] = train.steps if name == OURS else steps_in(budget, of_a_step, ROUND)
    path.parent.mkdir(parents=True, exist_ok=True)
    common.write_json(str(path), kept)
    sources = {name: run.trained_in.name.rpartition("_")[0] for name, run in first.items() if run.trained_in}
    return kept["steps"] | {name: kept["steps"][source] for name, source in sources.items()}


def describe(runs: list[Run], of_a_step: dict[str, float]) -> str:
    """The plan, with the training time where steps were timed."""
    lines, seconds = [], 0.0
    for run in runs:
        name, steps = run.name.rpartition("_")[0], run.settings.train.steps
        how = f"{steps} steps" if run.trained_in is None else f"decodes {run.trained_in.name}"
        if run.trained_in is None and name in of_a_step:
            how += f" of {1000 * of_a_step[name]:.1f} ms"
            seconds += 0.0 if run.finished else steps * of_a_step[name]
        lines.append(f"{'finished' if run.finished else 'to do':<10}{run.name:<16}{how}")
    return "\n".join(
        [*lines, f"about {seconds / 3600:.2f} hours of training, and the evaluations"] if seconds else lines
    )


def compare(runs: list[Run], folder: pathlib.Path) -> None:
    names = [TITLES[run.name.rpartition("_")[0]] for run in runs]
    flags_of_it = [f"--workdirs={','.join(str(run.folder) for run in runs)}", f"--names={','.join(names)}"]
    command = common.command("compare", *flags_of_it, f"--output={folder / 'comparison'}")
    if subprocess.run(command).returncode:
        raise InputError("the models are there, their comparison failed (above): mend it and start again")


def main() -> None:
    folder, parts = pathlib.Path(WORKDIR.value), tuple(ONLY.value)
    sweep_plan.check_parts(parts)
    base = config.argv_of()
    if "method=" in base[0]:
        raise InputError(f"{base[0]} names a method: give the config of ours, the others follow from it")
    names = check_names(NAMES.value or default_names(settings_of(OURS, base).graph))
    changes = read_changes(CHANGE.value, names)
    argv = {name: flags_of(name, base, changes[name]) for name in names}
    path = folder / "baselines.json"
    asked = {"config": base, "change": CHANGE.value, "same": SAME.value}
    steps = equal_steps(make_runs(argv, SEEDS.value, {}, folder, parts), path, asked)
    runs = make_runs(argv, SEEDS.value, steps, folder, parts)
    print(describe(runs, json.loads(path.read_text())["step_seconds"]))
    if DRY_RUN.value:
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends the runs on the way out
    failed = sweep_run.run_all(runs, MAX_PARALLEL.value)
    done = [run for run in runs if run.finished]
    if done:
        compare(done, folder)
    if failed:
        raise InputError(f"{len(failed)} of {len(runs)} models failed ({', '.join(failed[:3])}): the others are done")
