"""`cdae fit`: what it asks for, and the pictures of every variable at a low and a high value."""

import pathlib

import numpy as np
import pytest
from commands import run_here
from devices import one_device
from PIL import Image

import cdae_jax
from cdae_jax.errors import InputError

GIVEN = ("--images=photos", "--labels=labels.csv", "--graph=graph.json")


@pytest.fixture
def asked(monkeypatch, trained_pendulum, tmp_path):
    """What the library was asked for; its answer is a trained Pendulum, whose figures go to a folder of the test."""
    calls = {}

    def fit(images, labels, graph, **options):
        calls.update(fit=(images, labels, graph, options))
        model = cdae_jax.load(trained_pendulum)
        model.workdir = tmp_path
        return model

    monkeypatch.setattr(cdae_jax, "fit", fit, raising=False)
    monkeypatch.setattr(cdae_jax, "calibrate", lambda model: calls.update(calibrate=model), raising=False)
    monkeypatch.setattr(cdae_jax, "evaluate", lambda model: calls.update(evaluate=model) or "a report", raising=False)
    (tmp_path / "figures").mkdir()
    for name in ("model.json", "config.json"):
        (tmp_path / name).write_text((trained_pendulum / name).read_text())
    return calls


def test_it_trains_measures_and_draws(asked, tmp_path, capsys):
    with one_device():
        run_here(
            "fit",
            *(*GIVEN, f"--workdir={tmp_path}", "--minutes=3", "--method=diffae", "--fit=pad"),
            *("--set=train.batch_size=8", "--set=train.decay=false", "--set=train.condition=mean"),
        )
    images, labels, graph, options = asked["fit"]
    assert (images, labels, graph) == ("photos", "labels.csv", "graph.json")
    assert options == {
        "size": "cpu",
        "method": "diffae",
        "steps": None,
        "minutes": 3.0,
        "workdir": str(tmp_path),
        "changes": {"data.fit": "pad", "train.batch_size": 8, "train.decay": False, "train.condition": "mean"},
        "init_from": None,
    }
    assert asked["evaluate"].workdir == tmp_path
    assert list(asked) == ["fit", "calibrate", "evaluate"]
    report, numbers, pictures, more = capsys.readouterr().out.splitlines()[-4:]
    assert report == "a report"
    assert numbers == f"numbers: {tmp_path}/report.md" and more.endswith(f"cdae explore --workdir={tmp_path}")
    drawn = pictures.removeprefix("pictures: ").split(", ")
    assert [pathlib.Path(path).stem for path in drawn] == [
        f"low_and_high_{name}" for name in ("angle", "light", "length", "position")
    ]
    assert all(np.asarray(Image.open(path)).std() > 10 for path in drawn)


def test_too_few_images_to_calibrate_leave_a_model_without_intervals(asked, tmp_path, monkeypatch, capsys):
    def refuse(model):
        raise InputError("the run has 3 validation images, expected 20 at least")

    monkeypatch.setattr(cdae_jax, "calibrate", refuse, raising=False)
    with one_device():
        run_here("fit", *GIVEN, f"--workdir={tmp_path}")
    told = capsys.readouterr().out
    assert "counterfactuals without intervals: the run has 3 validation images, expected 20 at least" in told
    assert asked["evaluate"].workdir == tmp_path and "to try it in the browser" in told


@pytest.mark.parametrize(
    ("given", "message"),
    [(("--set=steps",), "--set is 'steps': expected section.field=value")],
)
def test_mistakes_come_before_any_work(asked, given, message):
    with pytest.raises(InputError, match=message):
        run_here("fit", *GIVEN, "--workdir=runs/mine", *given)
    assert not asked
