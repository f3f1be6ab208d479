"""Ours and all other methods by one command: who takes part, with which settings, for how many steps."""

import json
import os
import shutil

import pytest
from commands import assert_drawn, command, process_that_times, run_here

from cdae_jax.commands import baselines
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.presets.methods import METHODS

pytestmark = pytest.mark.filterwarnings(
    "ignore:the load_module:DeprecationWarning"
)  # ml_collections reads a config by it
CONFIG = "--config=configs/pendulum.py:smoke"


def chain(*names):
    pairs = zip(names, ((), *((name,) for name in names[:-1])), strict=True)
    return CausalGraph(tuple(Variable(name, parents=parents) for name, parents in pairs))


def argv_of(names, *overrides, change=()):
    changes = baselines.read_changes(list(change), names)
    return {name: baselines.flags_of(name, [CONFIG, *overrides], changes[name]) for name in names}


def runs_of(names, folder, *overrides, seeds=("0",), steps=None, change=()):
    argv = argv_of(names, *overrides, change=change)
    return baselines.make_runs(argv, list(seeds), steps or {}, folder, ("interventions",))


def test_every_method_has_a_title_and_takes_part_where_it_differs_and_is_not_slow():
    assert set(baselines.TITLES) == set(METHODS)
    assert "one_hop" not in baselines.default_names(chain("a", "b"))
    assert set(baselines.default_names(chain("a", "b", "c"))) == set(METHODS) - {"paper", "released"}
    assert baselines.check_names(["noise", "ours"]) == ["ours", "noise"]
    for wrong in (["noise"], ["ours", "vae"], ["ours", "ours"]):
        with pytest.raises(InputError, match="expected ours, the reference"):
            baselines.check_names(wrong)


def test_overrides_go_to_all_and_changes_to_one(tmp_path):
    names = ["ours", "conditional", "causalvae"]
    change = ["causalvae:train.condition=mean", "causalvae:train.batch_size=8", "ours:train.mechanisms=objective"]
    ours, conditional, vae = runs_of(names, tmp_path, "--config.train.batch_size=4", change=change)
    assert [run.settings.train.batch_size for run in (ours, conditional, vae)] == [4, 4, 8]
    assert [run.settings.train.condition for run in (ours, conditional, vae)] == ["encoding", "labels", "mean"]
    assert ours.settings.train.mechanisms == "objective" and vae.settings.model.decoder == "conv"
    train, _ = vae.commands()
    assert f"{CONFIG},method=causalvae" in train and "--config.train.condition=mean" in train
    for wrong in ("vae:train.steps=3", "ours", "ours:train.steps"):
        with pytest.raises(InputError, match="expected name:section.field=value"):
            baselines.read_changes([wrong], names)
    for wrong, message in (("train.stepz=3", "ours cannot have these settings"), ("train.steps=-3", "ours cannot be")):
        with pytest.raises(InputError, match=message):
            runs_of(["ours"], tmp_path, change=[f"ours:{wrong}"])
    with pytest.raises(InputError, match="--seeds is 1,1"):
        runs_of(["ours"], tmp_path, seeds=["1", "1"])


def test_all_get_the_seconds_of_ours_timed_once(tmp_path, monkeypatch):
    """The VAE's step takes a quarter of ours; what decodes our model otherwise has our steps, and is not timed."""
    names, path, asked = ["ours", "causalvae", "noise"], tmp_path / "kept.json", {"same": "seconds"}
    timed, taken = [], {"ours_0": 0.4, "causalvae_0": 0.1, "aligned_0": 0.2}

    def time_steps(runs):
        timed.extend(run.name for run in runs)
        return {run.name: taken[run.name] for run in runs}

    monkeypatch.setattr(baselines, "time_steps", time_steps)
    runs = runs_of(names, tmp_path, "--config.train.steps=100", seeds=("0", "1"))
    steps = baselines.equal_steps(runs, path, asked)
    assert steps == {"ours": 100, "causalvae": 400, "noise": 100}
    assert timed == ["ours_0", "causalvae_0"]
    assert baselines.equal_steps(runs, path, asked) == steps and len(timed) == 2
    made = runs_of(names, tmp_path, "--config.train.steps=100", steps=steps)
    assert [run.settings.train.steps for run in made] == [100, 400, 100]
    assert made[2].trained_in == made[0].folder and made[2].settings.sample.abduction == "noise"
    plan = baselines.describe(made, json.loads(path.read_text())["step_seconds"])
    assert "causalvae_0     400 steps of 100.0 ms" in plan and "decodes ours_0" in plan and "0.02 hours" in plan

    taken["ours_0"] = 0.6  # the machine is slower when another is added: ours is timed again beside it
    more = runs_of(["ours", "aligned"], tmp_path, "--config.train.steps=100")
    assert baselines.equal_steps(more, path, asked) == {"ours": 100, "causalvae": 400, "aligned": 300}
    with pytest.raises(InputError, match="was made for another config"):
        baselines.equal_steps(runs, path, {"same": "steps"})
    assert baselines.equal_steps(runs, tmp_path / "other.json", {"same": "steps"}) == dict.fromkeys(names, 100)
    assert baselines.steps_in(7.0, 2.0, 1) == 4 and baselines.steps_in(1.0, 9.0, 5) == 5


def test_steps_are_timed_in_one_process_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(baselines, "step_seconds", process_that_times)  # tests/profiling times real ones
    timed = baselines.time_steps(runs_of(["ours", "causalvae"], tmp_path))
    assert list(timed) == ["ours_0", "causalvae_0"]
    assert len(set(timed.values())) == 1 and os.getpid() not in timed.values()


def test_the_command_says_what_it_would_do(tmp_path, monkeypatch, capsys):
    given = ("baselines", CONFIG, f"--workdir={tmp_path}/all")
    run_here(*given, "--names=ours,noise", "--seeds=0,1", "--same=steps", "--dry_run")
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "to do     ours_0          20 steps",
        "to do     ours_1          20 steps",
        "to do     noise_0         decodes ours_0",
        "to do     noise_1         decodes ours_1",
    ]
    for wrong, message in (
        ("--names=noise", "expected ours, the reference"),
        ("--parts=latents", "expected interventions, and perhaps others"),
        (f"{CONFIG},method=noise", "names a method: give the config of ours"),
    ):
        with pytest.raises(InputError, match=message):
            run_here(*given, "--same=steps", wrong)


def test_all_methods_are_trained_evaluated_and_compared_by_one_command(evaluated, tmp_path):
    """Ours is there already; fresh noise is decoded by its model, in a process of its own."""
    workdir = shutil.copytree(evaluated[0], tmp_path / "ours_0")
    metrics = json.loads((workdir / "metrics.json").read_text())
    data = f"--config.data.data_dir={json.loads((workdir / 'config.json').read_text())['data']['data_dir']}"
    given = (f"--workdir={workdir.parent}", "--names=ours,noise", "--same=steps", "--parts=interventions")
    compared = command("baselines", CONFIG, data, *given)
    assert compared.returncode == 0, compared.stderr
    assert "finished  ours_0" in compared.stdout and "decodes ours_0" in compared.stdout
    assert "| | images | ours | fresh noise | real images | factual image left unchanged |" in compared.stdout
    assert "| composition: pixel MSE |" in compared.stdout and "| do(angle): light |" in compared.stdout
    both = json.loads((workdir.parent / "comparison.json").read_text())["models"]
    assert both["ours"]["composition: pixel MSE"]["mean"] == metrics["composition"]["mse"]["mean"]
    noisy = json.loads((workdir.parent / "noise_0" / "metrics.json").read_text())
    assert noisy["protocol"]["abduction"] == "noise" and noisy["protocol"]["depth"] == 1.0
    cell = noisy["effectiveness"]["do(angle)"]["light"]["normalised"]
    assert both["fresh noise"]["do(angle): light"]["mean"] == cell != both["ours"]["do(angle): light"]["mean"]
    for name in ("comparison.png", "comparison_grid.png"):
        assert_drawn(workdir.parent / name)
