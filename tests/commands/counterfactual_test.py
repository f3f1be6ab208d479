"""`cdae counterfactual`: the picture, the labels that it starts from, and mistakes as one sentence."""

import warnings

import numpy as np
import pytest
from commands import assert_drawn, run_here
from devices import one_device
from PIL import Image
from short_runs import dataset_of

import cdae_jax
from cdae_jax.errors import InputError
from cdae_jax.inference.answers import Counterfactuals
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.plots import pictures


def test_counterfactuals_are_drawn_with_the_truth_where_it_is_known(trained_pendulum, tmp_path, capsys):
    given = (f"--workdir={trained_pendulum}", "--num=2", f"--output={tmp_path}/cf.png")
    with one_device():
        run_here("counterfactual", *given, "--do=angle=+5,light=110", "--strength=angle=0.5")
    assert capsys.readouterr().out.endswith(f"wrote {tmp_path}/cf.png\n")
    assert_drawn(tmp_path / "cf.png")
    assert np.asarray(Image.open(tmp_path / "cf.png")).shape[0] > 300  # three rows


def test_counterfactuals_start_from_the_datasets_labels_if_asked(trained_pendulum, tmp_path, monkeypatch):
    asked = []

    def counterfactual(model, images, do, *, labels=None, **options):
        asked.append(labels)
        made = Counterfactuals(images, np.zeros((len(images), 4)))
        made.support = np.full(len(images), np.nan)
        return made

    monkeypatch.setattr(TrainedModel, "counterfactual", counterfactual)
    for how in ("read", "given"):
        given = (f"--workdir={trained_pendulum}", "--num=2", f"--output={tmp_path}/cf.png")
        with one_device():
            run_here("counterfactual", *given, "--do=angle=20", f"--factual_labels={how}")
    assert asked[0] is None and asked[1].shape == (2, 4) and np.isfinite(asked[1]).all()


def test_the_truth_goes_as_far_as_it_is_asked_to(trained_pendulum, tmp_path, monkeypatch):
    drawn, titles = [], []

    def kept(path, rows, captions, title):
        drawn.append(dict(rows)["true counterfactual"].astype(int))
        titles.append(title)

    monkeypatch.setattr(pictures, "counterfactual_grid", kept)
    given = (f"--workdir={trained_pendulum}", "--num=2", f"--output={tmp_path}/cf.png", "--num_steps=1")
    with one_device():
        for strength in ("0", "0.5", "1", "angle=0.5"):
            run_here("counterfactual", *given, "--do=angle=20", f"--strength={strength}")
    images = dataset_of(cdae_jax.load(trained_pendulum).settings).test.images[:2]
    assert np.abs(drawn[0] - images).max() <= 1  # nothing was asked for
    assert np.abs(drawn[1] - drawn[0]).max() > 50 and np.abs(drawn[2] - drawn[1]).max() > 50
    np.testing.assert_array_equal(drawn[3], drawn[1])
    ends = ["", ", strength 0.5", "", ", strength angle = 0.5"]
    assert titles[1:] == [f"Pendulum: do(angle = 20){end}" for end in ends[1:]]


@pytest.mark.parametrize(("do", "notes"), [("length=11,angle=-35,light=130,position=3", 1), ("angle=90", 0)])
def test_labels_far_from_those_of_training_are_noted_once(trained_pendulum, tmp_path, capsys, do, notes):
    """Where a value is outside its range that is said instead."""
    given = (f"--workdir={trained_pendulum}", "--num=2", f"--output={tmp_path}/cf.png", "--num_steps=1")
    with one_device(), warnings.catch_warnings(record=True, action="always") as caught:
        run_here("counterfactual", *given, f"--do={do}")
    assert capsys.readouterr().out.count("no training image shows such a combination") == notes
    assert sum("outside the range" in str(warning.message) for warning in caught) == 1 - notes


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
