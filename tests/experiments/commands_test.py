"""The commands as a user types them: results on disk, mistakes as one sentence and exit code 2."""

import json

import numpy as np
import pytest
from commands import command
from PIL import Image


def refused(result, *parts):
    assert result.returncode == 2, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and "Traceback" not in result.stderr
    for part in parts:
        assert part in last, last


def test_train_evaluate_and_draw(tmp_path):
    workdir, config = tmp_path / "all" / "ours_0", "--config=configs/pendulum.py:smoke"
    data = f"--config.data.data_dir={tmp_path}/data"
    trained = command("train", config, data, f"--workdir={workdir}")
    assert trained.returncode == 0, trained.stderr
    assert "loss" in trained.stderr and "images/s" in trained.stderr  # the progress bar

    evaluated = command("evaluate", f"--workdir={workdir}")
    assert evaluated.returncode == 0, evaluated.stderr
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
    assert "| do(light) |" in evaluated.stdout
    for name in ("do_position", "asked_angle", "dci", "traversals", "mechanisms"):
        assert np.asarray(Image.open(workdir / "figures" / f"{name}.png")).std() > 10

    before = (workdir / "evaluation" / "do_angle.json").stat().st_mtime_ns
    again = command("evaluate", f"--workdir={workdir}", "--parts=interventions")
    assert again.returncode == 0, again.stderr
    assert (workdir / "evaluation" / "do_angle.json").stat().st_mtime_ns == before  # not computed again
    kept = json.loads((workdir / "metrics.json").read_text())
    assert kept["latents"] == metrics["latents"] and kept["composition"] == metrics["composition"]
    refused(command("evaluate", f"--workdir={workdir}", "--guidance=2"), "--output")
    refused(command("evaluate", f"--workdir={workdir}", "--parts=latent"), "did you mean 'latents'")

    flags = ("--names=ours,noise", "--same=steps", "--parts=interventions")
    compared = command("baselines", config, data, f"--workdir={tmp_path}/all", *flags)
    assert compared.returncode == 0, compared.stderr
    assert "| | images | ours | fresh noise | real images | factual image left unchanged |" in compared.stdout
    assert "| composition: pixel MSE |" in compared.stdout and "| do(angle): light |" in compared.stdout
    both = json.loads((tmp_path / "all" / "comparison.json").read_text())["models"]
    assert both["ours"]["composition: pixel MSE"]["mean"] == metrics["composition"]["mse"]["mean"]
    noisy = json.loads((tmp_path / "all" / "noise_0" / "metrics.json").read_text())
    assert noisy["protocol"]["abduction"] == "noise" and noisy["protocol"]["depth"] == 1.0
    cell = noisy["effectiveness"]["do(angle)"]["light"]["normalised"]
    assert both["fresh noise"]["do(angle): light"]["mean"] == cell != both["ours"]["do(angle): light"]["mean"]
    for name in ("comparison.png", "comparison_grid.png"):
        assert np.asarray(Image.open(tmp_path / "all" / name)).std() > 10
    refused(command("compare", f"--workdirs={workdir},{tmp_path}"), "metrics.json cannot be read")
    refused(command("baselines", f"{config},baseline=noise", f"--workdir={tmp_path}/b"), "give the config of ours")

    graded = tmp_path / "graded.png"
    flags = (f"--workdir={workdir}", "--do=angle=+5,light=110", "--strength=angle=2", "--num=2", f"--output={graded}")
    drawn = command("counterfactual", *flags)
    assert drawn.returncode == 0, drawn.stderr
    assert np.asarray(Image.open(graded)).std() > 10

    refused(command("counterfactual", f"--workdir={workdir}", "--do=angel=20"), "angel", "did you mean 'angle'")
    refused(
        command("counterfactual", f"--workdir={workdir}", "--do=angle=2", "--strength=much"), "--strength is 'much'"
    )
    refused(command("counterfactual", f"--workdir={workdir}", "--do=angle=up"), "'angle=up'", "name=number")
    refused(
        command("train", "--config=configs/pendulum.py:smoke", f"--workdir={workdir}", "--config.train.steps=30"),
        "train.steps 20 (now 30)",
    )


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (["--config=configs/pendulum.py:smoke", "--config.train.stepz=3"], ["stepz"]),
        (["--config=configs/pendulum.py:smoke", "--config.train.steps=many"], ["many"]),
        (["--config=configs/pendulum.py:huge"], ["huge", "cpu, smoke, paper"]),
        (["--config=configs/nothing.py"], ["nothing.py"]),
        (["--config=configs/pendulum.py:smoke", "--config.data.resolution=18"], ["image side 18"]),
        (["--config=configs/causal_circuit.py:smoke"], ["--config.data.circuit_dir"]),
        (["--config=configs/custom.py:smoke"], ["expected a size and a graph file"]),
        (["--config=configs/custom.py:smoke,nowhere.json"], ["the graph file 'nowhere.json' cannot be read"]),
        (
            [
                "--config=configs/morpho_mnist.py:smoke",
                "--config.data.mnist_dir=tests",
                "--config.data.data_dir=/nowhere",
            ],
            ["train-images-idx3-ubyte"],
        ),
    ],
)
def test_mistakes_in_training_flags(flags, parts, tmp_path):
    result = command("train", f"--workdir={tmp_path}/run", *flags)
    refused(result, *parts)


def test_a_missing_workdir(tmp_path):
    refused(command("evaluate", f"--workdir={tmp_path}/nowhere"), "nowhere")
    refused(command("evaluate"), "workdir")
