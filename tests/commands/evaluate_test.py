"""`cdae evaluate`: what it measures and draws, what it keeps, and which options need a folder of their own."""

import json
import shutil

import pytest
from commands import assert_drawn, run_here
from devices import one_device

from cdae_jax.errors import InputError


def test_an_evaluation_measures_and_draws(evaluated):
    workdir, told = evaluated
    metrics = json.loads((workdir / "metrics.json").read_text())
    cell = metrics["effectiveness"]["do(angle)"]["angle"]
    assert cell["normalised"] > 0 and cell["physical"] > cell["normalised"]  # degrees
    assert cell["interval"][0] <= cell["normalised"] <= cell["interval"][1] and cell["count"] == 16
    assert {"floor", "composition", "mechanism", "train", "latents", "mean_effectiveness"} <= set(metrics)
    assert {"mse", "ssim", "psnr"} <= set(metrics["counterfactual_error"]["do(angle)"])
    assert {"reversibility", "minimality", "realism"} <= set(metrics)
    assert metrics["composition"]["mse_after_10"]["mean"] > 0
    assert set(metrics["latents"]["calibration"]) == {"angle", "light", "length", "position"}
    assert set(metrics["mechanism"]["do(angle)"]) == {"length", "position"}
    assert metrics["mechanism"]["do(length)"] == {}
    assert metrics["floor"]["factual"]["angle"]["normalised"] < 0.05  # the measurement itself
    assert "| do(light) |" in told and told == (workdir / "report.md").read_text() + "\n"
    for name in ("do_position", "asked_angle", "dci", "traversals", "mechanisms"):
        assert_drawn(workdir / "figures" / f"{name}.png")


def test_what_is_measured_is_kept_and_other_options_need_a_folder_of_their_own(evaluated, tmp_path):
    workdir = shutil.copytree(evaluated[0], tmp_path / "copy")
    metrics = json.loads((workdir / "metrics.json").read_text())
    before = (workdir / "evaluation" / "do_angle.json").stat().st_mtime_ns
    with one_device():
        run_here("evaluate", f"--workdir={workdir}", "--parts=interventions")
    assert (workdir / "evaluation" / "do_angle.json").stat().st_mtime_ns == before  # not computed again
    kept = json.loads((workdir / "metrics.json").read_text())
    assert kept["latents"] == metrics["latents"] and kept["composition"] == metrics["composition"]
    with pytest.raises(InputError, match="other options than the config's need an --output"):
        run_here("evaluate", f"--workdir={workdir}", "--guidance=2")
    with pytest.raises(InputError, match="did you mean 'latents'"):
        run_here("evaluate", f"--workdir={workdir}", "--parts=latent")
