"""The runs of a sweep: their names, their state on disk, and their results together."""

import copy
import dataclasses
import importlib.util
import json
import pathlib
import re
import subprocess
import tempfile

import ml_collections
import numpy as np
import pandas as pd

from cdae_jax.commands import common
from cdae_jax.distributed import claims
from cdae_jax.errors import InputError
from cdae_jax.evaluation import evaluate
from cdae_jax.graph import did_you_mean
from cdae_jax.paths import write_whole
from cdae_jax.plots.pictures import seed_bands, sweep_lines
from cdae_jax.presets import sweeps
from cdae_jax.settings.run import Settings

SEED = "train.seed"
PARTS = tuple(part for part in evaluate.PARTS if part != "uncertainty")  # runs are trained and not calibrated
ERROR = "error, training sd"
READ = "read from all latents, R^2 or accuracy"


@dataclasses.dataclass(frozen=True)
class Run:
    """One model of a sweep, named by its overrides ("section.field" -> value).

    `parts` are those of the evaluation. `trained_in` is the folder of another run that trains the same and only
    decodes otherwise; None to train itself. `argv` are the --config flags of its training without the overrides.
    """

    overrides: dict
    settings: Settings
    folder: pathlib.Path
    parts: tuple[str, ...] = PARTS
    trained_in: pathlib.Path | None = None
    argv: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def log(self) -> pathlib.Path:
        return self.folder.with_suffix(self.folder.suffix + ".log")

    @property
    def lock(self) -> pathlib.Path:
        return self.folder.with_suffix(self.folder.suffix + ".lock")

    @property
    def failure(self) -> pathlib.Path:
        return self.folder.with_suffix(self.folder.suffix + ".failed")

    @property
    def measured(self) -> set[str]:
        """The parts of the evaluation that are done."""
        path = self.folder / "metrics.json"
        found = json.loads(path.read_text()) if path.is_file() else {}
        return {part for part in PARTS if {"interventions": "mean_effectiveness"}.get(part, part) in found}

    @property
    def finished(self) -> bool:
        """Whether it is trained and all its parts are evaluated."""
        return set(self.parts) <= self.measured

    def flags(self) -> list[str]:
        """All --config flags of its training."""
        return [*self.argv, *(f"--config.{name}={value}" for name, value in self.overrides.items())]

    def commands(self) -> list[list[str]]:
        """What to run, one after the other."""
        measure = common.command("evaluate", f"--parts={','.join(self.parts)}")
        if self.trained_in is None:
            train = common.command("train", *self.flags(), f"--workdir={self.folder}")
            return [train, [*measure, f"--workdir={self.folder}"]]
        options = [f"--{name}={value}" for name, value in dataclasses.asdict(self.settings.sampling).items()]
        return [[*measure, f"--workdir={self.trained_in}", *options, f"--output={self.folder}"]]

    def last_words(self) -> str:
        """The last line of its log."""
        lines = re.split(r"[\r\n]+", self.log.read_text(errors="replace").strip()) if self.log.is_file() else [""]
        errors = [line for line in lines if line.startswith("error: ")]
        return (errors or lines)[-1][:300]


def read_sweep(path: str) -> list[dict]:
    """What the get_sweep() of a sweep file, or of one that ships, by its name, returns.

    Raises InputError for a file without it, or that returns no list.
    """
    shipped = {file.stem: file for file in pathlib.Path(sweeps.__file__).parent.glob("[a-z]*.py")}
    if not pathlib.Path(path).is_file():
        if path not in shipped:
            raise InputError(
                f"there is no sweep {path!r}: expected one of {', '.join(shipped)}, or a Python file with get_sweep()"
                f"{did_you_mean(pathlib.Path(path).stem, shipped)}"
            )
        path = str(shipped[path])
    spec = importlib.util.spec_from_file_location("sweep_file", path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        runs = module.get_sweep()
    except Exception as err:  # whatever a user's file raises
        raise InputError(f"the sweep file {path!r} cannot be run ({type(err).__name__}: {err}): mend it") from err
    if not isinstance(runs, list) or not runs or not all(isinstance(run, dict) for run in runs):
        raise InputError(f"get_sweep() of {path!r} returns no list of overrides: expected [{{'train.seed': 0}}, ...]")
    return runs


def name_of(overrides: dict) -> str:
    """ "label_fraction=0.1,seed=0": the last parts of the names, the whole name where two of them are the same."""
    last = [name.rpartition(".")[2] for name in overrides]
    parts = [
        f"{short if last.count(short) == 1 else name}={value}"
        for short, (name, value) in zip(last, overrides.items(), strict=True)
    ]
    return re.sub(r"[^\w.,=+-]+", "_", ",".join(parts)) or "default"


def check_parts(parts: tuple[str, ...]) -> None:
    """Raises InputError for parts of the evaluation without the interventions, which `collect` needs."""
    if "interventions" not in parts or not set(parts) <= set(PARTS):
        some = f"interventions, and perhaps others of {', '.join(PARTS)}"
        raise InputError(f"--parts is {','.join(parts)}: expected {some}")


def make_runs(
    config: ml_collections.ConfigDict,
    overrides: list[dict],
    folder: pathlib.Path,
    parts: tuple[str, ...] = PARTS,
    argv: tuple[str, ...] = (),
) -> list[Run]:
    """The checked runs; argv are the --config flags that all share. Raises InputError for an override of no field, of
    a wrong value, two runs of one name, or `check_parts`."""
    check_parts(parts)
    runs: list[Run] = []
    for changes in overrides:
        changed = copy.deepcopy(config).unlock()  # with the fields that follow others
        for name, value in changes.items():
            try:
                changed.update_from_flattened_dict({name: value})
            except (KeyError, TypeError, ValueError, AttributeError) as err:
                raise InputError(f"the sweep sets {name!r} to {value!r}, which no run can have: {err}") from err
        plain = changed.to_dict()
        plain["graph"] = {variable: plain["graph"][variable] for variable in config.graph}
        try:
            settings = Settings.from_dict(plain).resolved()
        except InputError as err:
            raise InputError(f"the run {name_of(changes)} of the sweep cannot be: {err}") from err
        run = Run(changes, settings, folder / name_of(changes), parts, argv=argv)
        for other in runs:
            if other.settings == run.settings or other.name == run.name:
                raise InputError(f"two runs of the sweep are the same ({other.name} and {run.name}): take one out")
        runs.append(run)
    return runs


def share_training(runs: list[Run]) -> list[Run]:
    """The runs, those that only decode differently from an earlier one using its model."""
    first: dict[str, Run] = {}
    shared = []
    for run in runs:
        key = json.dumps(run.settings.to_dict() | {"sample": None})
        trained_in = first[key].folder if key in first else None
        first.setdefault(key, run)
        shared.append(dataclasses.replace(run, trained_in=trained_in))
    return shared


def agree(folder: pathlib.Path, runs: list[Run], config: ml_collections.ConfigDict) -> None:
    """Makes the sweep's folder. Raises InputError if it belongs to another sweep."""
    plan = {"config": json.loads(config.to_json_best_effort()), "runs": [run.name for run in runs]}
    path = folder / "sweep.json"
    if claims.is_foreign(path):
        raise InputError(f"the folder {folder} holds other files: choose an empty --workdir")
    folder.mkdir(parents=True, exist_ok=True)
    if json.loads(claims.write_once(path, json.dumps(plan, indent=2) + "\n")) != plan:
        raise InputError(f"the folder {folder} belongs to another sweep: choose another --workdir")


def seconds_per_image(run: Run) -> float:
    """Measured by training one run for a few steps in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        short = ["--config.train.steps=40", "--config.train.checkpoint_every=20"]
        command = common.command("train", *run.flags(), *short, f"--workdir={folder}/run")
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise InputError(f"the run {run.name} does not start: {result.stderr.strip().splitlines()[-1]}")
        lines = (pathlib.Path(folder) / "run" / "metrics.jsonl").read_text().splitlines()
        return 1 / json.loads(lines[-1])["images_per_second"]


def describe(runs: list[Run]) -> str:
    """The plan as text, with the training time estimated from a few steps of the first unfinished run."""
    lines = [f"{'finished' if run.finished else 'to do':<10}{run.name}" for run in runs]
    left = [run for run in runs if not run.finished]
    if left:
        trained = [run.settings.train for run in left if run.trained_in is None]
        images = sum(train.steps * train.batch_size for train in trained)
        hours = images * seconds_per_image(left[0]) / 3600
        lines.append(f"{len(trained)} runs to train, about {hours:.2f} hours in all; evaluation comes on top")
    return "\n".join(lines)


def results_of(run: Run) -> list[dict]:
    """One row for every number of a run whose interventions are measured: its overrides, measure, do, variable, value,
    and the same in physical units where there are any. Errors are per standard deviation of the training labels.
    """
    metrics = json.loads((run.folder / "metrics.json").read_text())
    shared = {**run.overrides, "run": run.name}
    overall = metrics["mean_effectiveness"]["mean"]
    rows = [{"measure": ERROR, "do": "all", "variable": "mean", "value": overall, "physical": None}]
    for do, errors in metrics["effectiveness"].items():
        for name, error in errors.items():
            if name != "mean_of_others":
                found = {"value": error["normalised"], "physical": error["physical"]}
                rows.append({"measure": ERROR, "do": do, "variable": name} | found)
    latents = metrics.get("latents", {})
    for kind, value in latents.get("dci_per_block", {}).items():
        rows.append({"measure": f"DCI {kind} per block", "do": None, "variable": "all", "value": value})
    read = {name: value for name, value in latents.get("informativeness", {}).items() if value is not None}
    if read:
        mean = float(np.mean(list(read.values())))
        rows.append({"measure": READ, "do": None, "variable": "mean", "value": mean})
    for name, value in read.items():
        rows.append({"measure": READ, "do": None, "variable": name, "value": value})
    return [shared | row for row in rows]


def collect(runs: list[Run], folder: pathlib.Path) -> str:
    """Writes results.csv, results.json (the rows of `results_of`) and results.png."""
    measured = [run for run in runs if "interventions" in run.measured]
    if not measured:
        return f"no run of {folder} is finished yet"
    rows = [row for run in measured for row in results_of(run)]
    pd.DataFrame(rows, dtype=object).to_csv(folder / "results.csv", index=False)  # as objects, 1 stays 1 beside a gap
    write_whole(folder / "results.json", json.dumps(rows, indent=2) + "\n")
    means = {ERROR: [], READ: []}
    for row in rows:
        if row["variable"] == "mean" and row["value"] is not None:
            means[row["measure"]].append(row)
    axis = axis_of(measured)
    if axis is None:
        seed_bands(folder / "results.png", by_setting(means[ERROR]))
    else:
        sweep_lines(folder / "results.png", {name: lines(found, axis) for name, found in means.items() if found}, axis)
    report = [f"{len(measured)} of {len(runs)} runs; {ERROR}, mean over all interventions and variables:"]
    for setting, values in by_setting(means[ERROR]).items():
        seeds = f"{len(values)} seeds, {min(values):.4f}..{max(values):.4f}" if len(values) > 1 else "one seed"
        report.append(f"  {setting}: {np.mean(values):.4f} ({seeds})")
    return "\n".join([*report, f"wrote {folder}/results.csv, results.json and results.png"])


def axis_of(runs: list[Run]) -> str | None:
    """The first override that takes three or more numbers, for the x axis; None if there is none."""
    for name in dict.fromkeys(name for run in runs for name in run.overrides if name != SEED):
        values = {run.overrides[name] for run in runs if isinstance(run.overrides.get(name), (int, float))}
        if len(values) > 2:
            return name
    return None


def setting_of(row: dict, *without: str) -> str:
    """The name of a row's overrides, except the seed and `without`."""
    apart = {"run", "measure", "do", "variable", "value", "physical", SEED, *without}
    return name_of({name: value for name, value in row.items() if name not in apart})


def by_setting(rows: list[dict]) -> dict[str, list[float]]:
    """The values of runs that differ in their seed alone, by the name of what they share."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(setting_of(row), []).append(row["value"])
    return found


def lines(rows: list[dict], axis: str) -> dict[str, dict[float, list[float]]]:
    """The same by the rest of the setting, and then by the value on the axis."""
    found: dict[str, dict[float, list[float]]] = {}
    for row in rows:
        if axis in row:
            found.setdefault(setting_of(row, axis), {}).setdefault(row[axis], []).append(row["value"])
    return found
