"""`cdae calibrate`: what it leaves, and what shows it afterwards."""

import json
import shutil

import numpy as np
import pytest
from commands import assert_drawn, run_here
from devices import one_device

from cdae_jax.errors import InputError
from cdae_jax.training.mechanisms import refit


def test_a_calibrated_run_shows_how_sure_it_is(trained_pendulum, tmp_path, capsys, monkeypatch):
    """With few draws and refits, for speed."""
    monkeypatch.setattr("cdae_jax.evaluation.coverage.DRAWS", 4)
    monkeypatch.setattr("cdae_jax.evaluation.calibrate.refit", lambda *given: refit(*given[:4], 2, given[5]))
    given = f"--workdir={tmp_path}/run"
    shutil.copytree(trained_pendulum, tmp_path / "run")
    with one_device():
        with pytest.raises(InputError, match="was not calibrated: run cdae calibrate"):
            run_here("counterfactual", given, "--do=angle=20", "--draws=3", f"--output={tmp_path}/cf.png")
        with pytest.raises(InputError, match="was not calibrated: run cdae calibrate"):
            run_here("evaluate", given, "--parts=uncertainty")
        run_here("calibrate", given)
        assert "length: 90 % of readings are off by at most" in capsys.readouterr().out
        run_here("counterfactual", given, "--do=angle=20", "--draws=3", "--num=2", f"--output={tmp_path}/cf.png")
        assert_drawn(tmp_path / "cf.png")
        np.savez(tmp_path / "images.npz", images=np.zeros((3, 16, 16, 3), np.uint8))
        asked = (given, f"--input={tmp_path}/images.npz", f"--output={tmp_path}/out", "--do=angle=+5")
        run_here("generate", *asked, "--draws=3")
        with pytest.raises(InputError, match="whose draws is 3 .now None.: choose another --output"):
            run_here("generate", *asked)
        run_here("evaluate", given, "--parts=uncertainty")
    with np.load(tmp_path / "out" / "shard-00000.npz") as shard:
        assert shard["image_sd"].shape == shard["image"].shape and shard["sd"].shape == shard["believed"].shape
        assert (shard["low"] <= shard["high"]).all() and (shard["high"] > shard["low"])[:, 0].all()
    found = json.loads((tmp_path / "run" / "metrics.json").read_text())["uncertainty"]
    assert 0 <= found["all"]["coverage"]["mean"] <= 1
    assert "| **all descendants** |" in (tmp_path / "run" / "report.md").read_text()
