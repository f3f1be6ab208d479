"""`cdae leak`: the table of what is read from where, and what is no workdir."""

import json

import numpy as np
import pytest
import stripes
from commands import run_here

from cdae_jax.errors import InputError
from cdae_jax.studies import leak


class Silent(stripes.OfTheTruth):
    """A model whose x_T holds noise alone."""

    def noise(self, images, context=None):
        return np.random.default_rng(1).normal(size=(len(images), 2))


def test_the_table_is_of_as_many_images_as_are_asked_for(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(leak, "load", lambda _: Silent())
    monkeypatch.setattr(leak, "dataset_of", lambda *_: stripes.world(num=160))
    run_here("leak", f"--workdir={tmp_path}", "--num_images=120")
    told = capsys.readouterr().out
    found = json.loads((tmp_path / "leak.json").read_text())
    assert found["num_images"] == 120 and "120 test images" in told
    for name, row in found["r2"].items():
        assert f"| {name} | {row['pixels']:.3f} | {row['u']:.3f} | {row['z']:.3f} | {row['x_T']:.3f} |" in told
        assert row["pixels"] > 0.95 and row["x_T"] < 0.2


def test_the_command_refuses_what_is_no_workdir(tmp_path):
    with pytest.raises(InputError, match="is no workdir of a trained model"):
        run_here("leak", f"--workdir={tmp_path}")
