"""`cdae strength`: the curves of a trained model, and values that are none."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from commands import run_here
from devices import one_device

from cdae_jax.data.pipeline import make_dataset
from cdae_jax.errors import InputError
from cdae_jax.evaluation import bench


def test_the_command_measures_a_trained_model(trained_pendulum, tmp_path, monkeypatch, capsys):
    folder = shutil.copytree(trained_pendulum, tmp_path / "run")
    cheap = {"measure": lambda images: images.reshape(len(images), 4, -1).mean(-1)}  # compiles nothing
    monkeypatch.setattr(bench, "make_dataset", lambda *given: dataclasses.replace(make_dataset(*given), **cheap))
    with one_device():
        run_here("strength", f"--workdir={folder}", "--knob=num_steps", "--values=1,2", "--num_images=8")
    assert "| do(light) | 2 |" in capsys.readouterr().out
    curve = json.loads((folder / "num_steps.json").read_text())["curves"]["do(angle)"]
    assert curve["w"] == [1, 2] and np.isfinite(curve["share"]).all() and min(curve["error"]) > 0


def test_what_is_no_number_is_named(tmp_path):
    with pytest.raises(InputError, match="--values is 0,much: expected numbers, such as 0,0.5,1"):
        run_here("strength", f"--workdir={tmp_path}", "--values=0,much")
