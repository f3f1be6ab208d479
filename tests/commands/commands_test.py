"""The commands as a user types them: results on disk, mistakes as one sentence and exit code 2."""

import contextlib
import io
import json
import shutil

import numpy as np
import pytest
from commands import command, run_here
from devices import one_device
from PIL import Image

from cdae_jax.errors import InputError
from cdae_jax.inference.trained_model import Counterfactuals, TrainedModel

CONFIG = "--config=configs/pendulum.py:smoke"


def assert_drawn(path):
    assert np.asarray(Image.open(path)).std() > 10


@pytest.fixture(scope="module")
def evaluated(trained_pendulum, tmp_path_factory):
    """A workdir whose model was evaluated, and what that printed."""
    workdir = shutil.copytree(trained_pendulum, tmp_path_factory.mktemp("all") / "ours_0")
    with one_device(), contextlib.redirect_stdout(io.StringIO()) as told:
        run_here("evaluate", f"--workdir={workdir}")
    return workdir, told.getvalue()


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


def test_what_is_measured_is_kept_and_other_options_need_a_folder_of_their_own(evaluated):
    workdir, _ = evaluated
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


def test_all_methods_are_trained_evaluated_and_compared_by_one_command(evaluated):
    """Ours is there already; fresh noise is decoded by its model, in a process of its own."""
    workdir, _ = evaluated
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


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--workdirs={0},{1}",), "metrics.json cannot be read"),
        (("--workdirs={0}", "--names=a,b"), "--names gives a, b: expected 1 names, one per workdir"),
        (("--workdirs={0}", "--output={1}/none/x"), "expected the start of a file name in a folder that exists"),
    ],
)
def test_mistakes_in_comparisons_are_named(evaluated, tmp_path, given, message):
    with pytest.raises(InputError, match=message):
        run_here("compare", *(flag.format(evaluated[0], tmp_path) for flag in given))


def test_counterfactuals_are_drawn_with_the_truth_where_it_is_known(trained_pendulum, tmp_path, capsys):
    given = (f"--workdir={trained_pendulum}", "--num=2", f"--output={tmp_path}/cf.png")
    with one_device():
        run_here("counterfactual", *given, "--do=angle=+5,light=110", "--strength=angle=0.5")
    assert capsys.readouterr().out == f"wrote {tmp_path}/cf.png\n"
    assert_drawn(tmp_path / "cf.png")
    assert np.asarray(Image.open(tmp_path / "cf.png")).shape[0] > 300  # three rows


def test_counterfactuals_start_from_the_datasets_labels_if_asked(trained_pendulum, tmp_path, monkeypatch):
    asked = []

    def counterfactual(model, images, do, *, labels=None, **options):
        asked.append(labels)
        return Counterfactuals(images, np.zeros((len(images), 4)))

    monkeypatch.setattr(TrainedModel, "counterfactual", counterfactual)
    for how in ("read", "given"):
        given = (f"--workdir={trained_pendulum}", "--num=2", f"--output={tmp_path}/cf.png")
        with one_device():
            run_here("counterfactual", *given, "--do=angle=20", f"--factual_labels={how}")
    assert asked[0] is None and asked[1].shape == (2, 4) and np.isfinite(asked[1]).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--do=angel=20",), "no variable 'angel'.*did you mean 'angle'"),
        (("--do=angle=2", "--strength=much"), "--strength is 'much': expected a number, or name=number"),
        (("--do=angle=2", "--strength=2"), "the strength of 'angle' is 2.0: expected a number from 0 to 1"),
        (("--do=angle=up",), r"do\(angle\) is 'up': expected"),
        (("--do=angle=2", "--first=64"), "--first is 64: the test split has 64 images"),
        (("--do=angle=2", "--output=cf.jpg"), "expected a .png file in a folder that exists"),
        (("--do=angle=2", "--num_steps=0"), "num_steps is 0: expected a whole number from 1"),
        (("--do=angle=2", "--solver=bdia"), "solver is 'bdia': expected one of ddim, dpm_solver"),
    ],
)
def test_mistakes_in_counterfactuals_are_named(trained_pendulum, given, message):
    with one_device(), pytest.raises(InputError, match=message):
        run_here("counterfactual", f"--workdir={trained_pendulum}", *given)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((CONFIG, "--config.train.stepz=3"), ("stepz", 'Did you mean "steps"')),
        ((CONFIG, "--config.train.steps=many"), ("many",)),
        (("--config=configs/pendulum.py:huge",), ("huge", "cpu, smoke, paper")),
        (("--config=configs/pendulum.py:smoke,method=gan",), ("gan", "ours, paper, released")),
        (("--config=configs/nothing.py",), ("there is no config 'configs/nothing.py'",)),
        (("--config=pendlum:smoke",), ("there is no config 'pendlum'", "did you mean 'pendulum'")),
        ((CONFIG, "--workdir=gs://bucket/run"), ("'gs://bucket/run' is on gs://",)),
        (("--config=configs/custom.py:smoke",), ("expected a size and a graph file",)),
        (("--config=configs/custom.py:smoke,nowhere.json",), ("the graph file 'nowhere.json' cannot be read",)),
        ((), ("--config is missing: see --help",)),
    ],
)
def test_flags_that_no_config_has_end_a_command_with_one_sentence(flags, told, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        run_here("train", f"--workdir={tmp_path}/run", *flags)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and all(part in line for part in told), line


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((CONFIG, "--config.data.resolution=18"), "image side 18"),
        ((CONFIG, "--num_processes=2"), "need --coordinator=host:port of process 0"),
        (("--config=configs/causal_circuit.py:smoke",), "--config.data.circuit_dir"),
        (
            ("--config=configs/morpho_mnist.py:smoke", "--config.data.mnist_dir=tests", "--config.data.data_dir=/no"),
            "train-images-idx3-ubyte",
        ),
    ],
)
def test_settings_and_data_that_cannot_be_are_named(flags, message, tmp_path):
    with pytest.raises(InputError, match=message):
        run_here("train", f"--workdir={tmp_path}/run", *flags)


def test_the_command_trains_by_the_flags_changes(trained_pendulum, tmp_path, capsys):
    copy = shutil.copytree(trained_pendulum, tmp_path / "copy")
    data = f"--config.data.data_dir={trained_pendulum.parent}/data"
    run_here("train", CONFIG, data, f"--workdir={copy}")  # it is finished
    assert capsys.readouterr().out == f"trained; next: cdae evaluate --workdir={copy}\n"
    with pytest.raises(InputError, match=r"train.batch_size 16 \(now 8\)"):
        run_here("train", CONFIG, data, f"--workdir={copy}", "--config.train.batch_size=8")
    with pytest.raises(InputError, match=r"--init_from left out \(now pendulum\)"):
        run_here("train", CONFIG, data, f"--workdir={copy}", "--init_from=pendulum")


def test_an_example_is_written_once_and_can_be_looked_at(tmp_path, capsys):
    run_here("make_example", f"--output={tmp_path}/example", "--num=100")
    assert "wrote 100 images; next: cdae fit --images=" in capsys.readouterr().out
    with pytest.raises(InputError, match="which exists already: choose a new folder"):
        run_here("make_example", f"--output={tmp_path}/example")
    config = f"--config=configs/custom.py:smoke,{tmp_path}/example/graph.json"
    files = (f"--config.data.images={tmp_path}/example/images", f"--config.data.labels={tmp_path}/example/labels.csv")
    run_here("inspect", config, *files, f"--output={tmp_path}/sheet.png")
    told = capsys.readouterr().out
    assert "81 training and 19 test images of 16 x 16 x 3" in told and "too few to compare with the graph" in told
    assert_drawn(tmp_path / "sheet.png")
    with pytest.raises(InputError, match="expected a .png file in a folder that exists"):
        run_here("inspect", config, *files, f"--output={tmp_path}/none/sheet.png")


# Those of train, evaluate and sweep are in training/checkpoint_test.py and sweep_test.py, that of plan is in
# profiling/plan_test.py, those of baselines and compare are above.
@pytest.mark.parametrize(
    ("name", "given", "code", "told"),
    [
        ("benchmark", (CONFIG, "--parts=input", "--seconds=0"), 0, "| input |"),
        ("benchmark_data", ("--seconds=0.1",), 0, "128 x 128 x 3, batches of 128: "),
        ("counterfactual", ("--workdir={model}", "--do=angle=20", "--num=2", "--output={0}/cf.png"), 0, "wrote "),
        ("evaluate", (), 2, "--workdir is missing: see --help"),
        ("explore", ("--workdir={0}/none",), 2, "no folder or file '{0}/none'"),
        ("export", ("--workdir={model}", "--output={0}/model.cdae"), 0, "{0}/model.cdae: "),
        ("frontier", ("--workdir={0}/none",), 2, "no folder or file '{0}/none'"),
        ("generate", ("--workdir={model}", "--do=angle=20", "--input={0}", "--output={0}/x"), 2, "has no images"),
        ("inspect", (CONFIG,), 0, "Pendulum: 256 training and 64 test images"),
        ("leak", ("--workdir={0}/none",), 2, "no folder or file '{0}/none'"),
        ("make_example", ("--output={0}/example", "--num=100"), 0, "wrote 100 images"),
        ("strength", ("--workdir={0}/none",), 2, "no folder or file '{0}/none'"),
    ],
)
def test_every_command_ends_with_its_code(trained_pendulum, tmp_path, name, given, code, told):
    wide = str(int(name == "counterfactual"))  # one of them where JAX is told to use 64 bits
    done = command(name, *(flag.format(tmp_path, model=trained_pendulum) for flag in given), JAX_ENABLE_X64=wide)
    assert done.returncode == code, done.stderr
    if code:
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("error: ") and "Traceback" not in done.stderr
    assert told.format(tmp_path) in (last if code else done.stdout)
