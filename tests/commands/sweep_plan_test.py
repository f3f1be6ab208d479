"""The plan of a sweep: its runs, their names and commands, what is refused, what is finished, and the results."""

import dataclasses
import json
import pathlib
import subprocess

import pytest

from cdae_jax.commands import sweep_plan
from cdae_jax.commands.config import config_of
from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.errors import InputError
from cdae_jax.plots.pictures import sweep_lines
from configs.pendulum import get_config
from configs.sweeps.common import grid, with_seeds

SHIPPED = sorted(
    path
    for path in pathlib.Path("configs/sweeps").glob("*.py")
    if path.stem not in ("__init__", "common") and not path.stem.startswith("wrong_graph")  # of other datasets
)


def runs_of(overrides, folder="sweep"):
    return sweep_plan.make_runs(get_config("cpu"), overrides, pathlib.Path(folder))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_sweep_is_a_plan(path):
    runs = runs_of(sweep_plan.read_sweep(str(path)))
    assert len({run.name for run in runs}) == len(runs) > 3
    assert all(run.settings.graph.names == ("angle", "light", "length", "position") for run in runs)


def test_a_sweep_that_ships_has_a_name():
    assert sweep_plan.read_sweep("label_fraction") == sweep_plan.read_sweep("configs/sweeps/label_fraction.py")
    with pytest.raises(InputError, match="there is no sweep 'label_fractions'.*did you mean 'label_fraction'"):
        sweep_plan.read_sweep("label_fractions")


def test_runs_are_named_by_their_overrides():
    assert sweep_plan.name_of({"data.label_fraction": 0.1, "train.seed": 1}) == "label_fraction=0.1,seed=1"
    assert sweep_plan.name_of({"model.mechanism": "affine", "train.mechanism": 0.0}) == (
        "model.mechanism=affine,train.mechanism=0.0"
    )
    assert sweep_plan.name_of({"model.unet_multipliers": (1, 2)}) == "unet_multipliers=_1,_2_"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([{"train.stepz": 3}], "config.train.stepz is no setting; did you mean 'steps'"),
        ([{"train.steps": "many"}], "the sweep sets 'train.steps' to 'many'"),
        ([{"data.label_fraction": 0.0}], "run label_fraction=0.0 of the sweep cannot be: config.data.label_fraction"),
        ([{"train.seed": 1}, {"train.seed": 1}], "two runs of the sweep are the same"),
        ([{}, {"train.seed": 0}], r"two runs of the sweep are the same \(default and seed=0\)"),
    ],
)
def test_impossible_sweeps_are_refused_before_the_first_run(overrides, message):
    with pytest.raises(InputError, match=message):
        runs_of(overrides)


def test_runs_that_only_decode_otherwise_share_their_training():
    overrides = [{"sample.num_steps": 10}, {"sample.num_steps": 20}, {"train.seed": 1}]
    first, second, third = sweep_plan.share_training(runs_of(overrides))
    assert second.trained_in == first.folder and first.trained_in is third.trained_in is None
    (evaluate,) = second.commands()
    assert "--num_steps=20" in evaluate and f"--workdir={first.folder}" in evaluate


def test_a_run_that_decodes_otherwise_is_told_every_option():
    changes = {
        "num_steps": 7,
        "guidance": 1.5,
        "abduction": "noise",
        "depth": 0.5,
        "solver": "ddim",
        "corrections": 2,
        "fit_steps": 3,
    }
    names = {field.name for field in dataclasses.fields(Sampling)}
    _, second = sweep_plan.share_training(runs_of([{}, {f"sample.{name}": value for name, value in changes.items()}]))
    (evaluate,) = second.commands()
    assert {f"--{name}={value}" for name, value in changes.items()} <= set(evaluate) and set(changes) == names


def test_a_sweep_measures_the_parts_that_are_asked_for():
    (run,) = sweep_plan.make_runs(get_config("cpu"), [{}], pathlib.Path("sweep"), ("interventions", "latents"))
    _, evaluate = run.commands()
    assert "--parts=interventions,latents" in evaluate
    for wrong in (("latents",), ("interventions", "colour")):
        with pytest.raises(InputError, match="expected interventions, and perhaps others"):
            sweep_plan.make_runs(get_config("cpu"), [{}], pathlib.Path("sweep"), wrong)


def test_a_run_is_finished_when_all_that_is_asked_for_is_measured(tmp_path):
    def run(*parts):
        return sweep_plan.make_runs(get_config("cpu"), [{"sample.num_steps": 2}], tmp_path, parts)[0]

    assert not run("interventions").finished
    (tmp_path / "num_steps=2").mkdir()
    metrics = {"mean_effectiveness": {"mean": 0.5}, "effectiveness": {}, "composition": {}}
    metrics["latents"] = {"informativeness": {"angle": 0.5, "light": None}}
    (tmp_path / "num_steps=2" / "metrics.json").write_text(json.dumps(metrics))
    assert run("interventions", "latents").finished and run("interventions").finished
    assert not run("interventions", "figures").finished
    asked_for_more = run("interventions", "figures")
    assert "1 of 1 runs" in sweep_plan.collect([asked_for_more], tmp_path)  # what there is
    rows = json.loads((tmp_path / "results.json").read_text())
    assert [row["value"] for row in rows if row["measure"] == sweep_plan.READ] == [0.5, 0.5]  # nothing of the unknown


def test_results_are_gathered_by_setting_and_whole_numbers_stay_whole(tmp_path):
    runs = runs_of([*with_seeds([{}]), {"model.block_dim": 2, "train.seed": 1}], tmp_path)
    for i, run in enumerate(runs):
        run.folder.mkdir()
        metrics = {"mean_effectiveness": {"mean": 0.1 + i / 5}, "effectiveness": {}, "composition": {}}
        (run.folder / "metrics.json").write_text(json.dumps(metrics))
    report = sweep_plan.collect(runs, tmp_path)
    assert "default: 0.2000 (2 seeds, 0.1000..0.3000)" in report and "block_dim=2: 0.5000 (one seed)" in report
    assert (tmp_path / "results.csv").read_text().splitlines() == [
        "train.seed,run,measure,do,variable,value,physical,model.block_dim",
        '0,seed=0,"error, training sd",all,mean,0.1,,',
        '1,seed=1,"error, training sd",all,mean,0.30000000000000004,,',
        '1,"block_dim=2,seed=1","error, training sd",all,mean,0.5,,2',
    ]


def test_a_folder_of_another_sweep_is_refused(tmp_path):
    config = get_config("cpu")
    sweep_plan.agree(tmp_path / "sweep", runs_of([{"train.seed": 1}]), config)
    sweep_plan.agree(tmp_path / "sweep", runs_of([{"train.seed": 1}]), config)
    with pytest.raises(InputError, match="belongs to another sweep"):
        sweep_plan.agree(tmp_path / "sweep", runs_of([{"train.seed": 2}]), config)
    with pytest.raises(InputError, match="holds other files"):
        sweep_plan.agree(tmp_path, runs_of([{"train.seed": 1}]), config)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no sweep .*: expected one of ablation, label_fraction, or a Python"),
        ("x = 1", "has no attribute 'get_sweep'"),
        ("def get_sweep(): return {}", "returns no list of overrides"),
        ("def get_sweep(): return 1 / 0", "ZeroDivisionError"),
    ],
)
def test_bad_sweep_files_are_named(tmp_path, content, message):
    path = tmp_path / "sweep.py"
    if content:
        path.write_text(content)
    with pytest.raises(InputError, match=message):
        sweep_plan.read_sweep(str(path))


def test_results_are_drawn_against_the_setting_that_varies_most(tmp_path):
    few = grid({"data.label_fraction": (0.01, 0.1, 1.0), "model.block_dim": (2, 4)})
    overrides = with_seeds(few)
    runs = runs_of(overrides)
    assert sweep_plan.axis_of(runs) == "data.label_fraction"
    assert sweep_plan.axis_of(runs_of(with_seeds(grid({"model.mechanism": ("additive", "affine")})))) is None
    rows = [{**changes, "run": "r", "measure": "m", "value": float(i)} for i, changes in enumerate(overrides)]
    found = sweep_plan.lines(rows, "data.label_fraction")
    assert found == {
        "block_dim=2": {0.01: [0.0, 1.0], 0.1: [4.0, 5.0], 1.0: [8.0, 9.0]},
        "block_dim=4": {0.01: [2.0, 3.0], 0.1: [6.0, 7.0], 1.0: [10.0, 11.0]},
    }
    sweep_lines(tmp_path / "lines.png", {"error": found}, "label fraction")
    assert (tmp_path / "lines.png").stat().st_size > 5_000


def test_a_sweep_of_the_steps_carries_what_follows_them():
    runs = sweep_plan.make_runs(get_config("cpu,method=paper"), [{"train.steps": 400}], pathlib.Path("sweep"))
    assert runs[0].settings.train.steps == 400 and runs[0].settings.train.anneal_steps == 100


def test_a_plan_says_how_long_the_training_takes(tmp_path, monkeypatch):
    """From the images per second of a few steps of the first run that is left."""
    asked = []

    def train(command, **_):
        asked.append(command)
        workdir = pathlib.Path(command[-1].removeprefix("--workdir="))
        workdir.mkdir()
        (workdir / "metrics.jsonl").write_text('{"images_per_second": 1}\n{"images_per_second": 160}\n')
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(sweep_plan.subprocess, "run", train)
    overrides = [{"train.steps": 1_800}, {"train.steps": 1_800, "sample.num_steps": 9}, {"train.seed": 1}]
    runs = sweep_plan.share_training(runs_of(overrides, tmp_path / "sweep"))
    text = sweep_plan.describe(runs)
    assert text.splitlines()[0] == "to do     steps=1800"
    assert text.splitlines()[-1].startswith("2 runs to train, about 0.16 hours in all")  # (1,800 + 4,000) x 16 / 160 s
    (command,) = asked
    assert command[1:4] == ["-m", "cdae_jax.commands.main", "train"] and "--config.train.steps=40" in command
    assert not (tmp_path / "sweep").exists()

    monkeypatch.setattr(
        sweep_plan.subprocess,
        "run",
        lambda command, **_: subprocess.CompletedProcess(command, 2, stderr="warning\nerror: no such thing\n"),
    )
    with pytest.raises(InputError, match="the run steps=1800 does not start: error: no such thing"):
        sweep_plan.describe(runs)


@pytest.mark.parametrize(("dataset", "sweep"), [("circuit_lookalike", "circuit"), ("morpho_mnist_digit", "mnist")])
def test_the_sweeps_of_wrong_graphs_start_with_the_right_one(dataset, sweep, tmp_path):
    overrides = sweep_plan.read_sweep(f"configs/sweeps/wrong_graph_{sweep}.py")
    runs = sweep_plan.make_runs(config_of(dataset, "smoke"), overrides, tmp_path)
    graphs = [str(run.settings.graph) for run in runs]
    right = config_of(dataset, "smoke").graph.to_dict()
    assert runs[0].settings.graph.to_dict().keys() == right.keys() and len(set(graphs)) == len(graphs)
    assert all(var.parents == tuple(right[var.name]["parents"]) for var in runs[0].settings.graph.variables)
