"""`cdae frontier`: the points that its flags ask for, the new default, and none where none is good enough."""

import json

import pytest
import stripes
from commands import run_here

from cdae_jax.errors import InputError
from cdae_jax.presets.methods import OURS
from cdae_jax.studies import frontier
from cdae_jax.training import workdir


def test_the_best_point_that_costs_and_keeps_what_was_asked_for_becomes_the_default(monkeypatch, tmp_path, capsys):
    """Of a model that errs the less the more its steps."""
    monkeypatch.setattr(frontier, "load", lambda _: stripes.Coarse())
    monkeypatch.setattr(frontier, "dataset_of", lambda *_: stripes.world(num=50, validation=stripes.world(num=50).test))
    flags = ("--solvers=ddim", "--num_steps=6,4", "--depths=0.5,1", "--corrections=0", "--num_images=24")
    given = (f"--workdir={tmp_path}", *flags)
    run_here("frontier", *given)
    points = json.loads((tmp_path / "frontier.json").read_text())["points"]
    assert sorted((point["num_steps"], point["depth"]) for point in points) == [(4, 0.5), (4, 1), (6, 0.5), (6, 1)]
    assert {(point["solver"], point["guidance"], point["corrections"]) for point in points} == {("ddim", 1, 0)}
    assert workdir.read_defaults(tmp_path).num_steps == 6
    assert capsys.readouterr().out == (tmp_path / "frontier.md").read_text() + "\n"
    run_here("frontier", *given, "--max_evaluations=8")
    assert workdir.read_defaults(tmp_path).num_steps == 4
    run_here("frontier", *given, "--min_psnr=200")
    assert capsys.readouterr().out.splitlines()[-1].startswith("No point costs and keeps what was asked for")
    assert workdir.read_defaults(tmp_path) is None


def test_what_is_no_number_is_named(tmp_path):
    with pytest.raises(InputError, match="--num_steps is 5,many: expected numbers separated by commas"):
        run_here("frontier", f"--workdir={tmp_path}", "--num_steps=5,many")


def test_by_default_the_default_depth_and_the_recipe_are_tried(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(frontier, "load", lambda _: stripes.Coarse())
    monkeypatch.setattr(frontier, "possible", lambda model, tried: asked.extend(tried) or tried[:1])
    monkeypatch.setattr(frontier, "dataset_of", lambda *_: stripes.world(num=50, validation=stripes.world(num=50).test))
    run_here("frontier", f"--workdir={tmp_path}", "--num_images=24", "--min_psnr=0")
    assert {point.depth for point in asked} == {0, 0.7}
    recipe = {name: OURS["sample"][name] for name in ("solver", "num_steps", "guidance", "corrections")}
    assert recipe in [{name: getattr(point, name) for name in recipe} for point in asked]
