"""Response curves: the share of the way and where it is met, by hand, and the files of a run."""

import json
import shutil

import numpy as np
import pytest

import cdae_jax
from cdae_jax.data.pipeline import make_dataset
from cdae_jax.errors import InputError
from cdae_jax.studies.response import met_at, response_curves, share_of_the_way

pytestmark = pytest.mark.usefixtures("one_device_alone")


def test_the_share_of_the_way_by_hand():
    factual, asked = np.array([0.0, 1.0, 5.0]), np.array([2.0, 3.0, 1.0])
    assert share_of_the_way(factual, factual, asked) == 0
    assert share_of_the_way(asked, factual, asked) == 1
    assert share_of_the_way(factual + 0.25 * (asked - factual), factual, asked) == pytest.approx(0.25)
    assert share_of_the_way(factual - (asked - factual), factual, asked) == -1


def test_where_the_target_is_met():
    w = np.array([0.0, 1.0, 2.0])
    assert met_at(w, np.array([0.0, 0.8, 1.2])) == pytest.approx(1.5)
    assert met_at(w, np.array([1.0, 1.1, 1.2])) == 0
    assert met_at(w, np.array([0.0, 0.5, 0.9])) is None


def test_the_curves_of_a_run_start_where_nothing_changes(trained_pendulum, tmp_path):
    workdir = shutil.copytree(trained_pendulum, tmp_path / "run")
    found = response_curves(workdir, "strength", [0.0, 1.0, 2.0], num_images=8)
    curve = found["do(angle)"]
    assert curve["w"] == [0, 1, 2] and len(curve["share"]) == len(curve["non_descendants"]) == 3
    model = cdae_jax.load(workdir)
    dataset = make_dataset(model.settings.data, model.settings.graph)
    unchanged = dataset.measure(model.reconstruct(dataset.test.images[:8]))
    light = np.abs(unchanged - dataset.test.labels[:8])[:, 1].mean() / model.stats.sd[1]
    assert curve["non_descendants"][0] == pytest.approx(light, rel=1e-4)  # w = 0 is the null intervention
    assert json.loads((workdir / "strength.json").read_text())["curves"]["do(angle)"]["error"] == curve["error"]
    assert "| do(light) | 2 |" in (workdir / "strength.md").read_text()
    assert (workdir / "strength.png").is_file() and (workdir / "strength_angle.png").is_file()
    labels = dataset.test.labels[:8, 0]  # the values that were asked for are the same, in another order
    assert curve["chance"] == pytest.approx(np.abs(labels[:, None] - labels[None]).mean() / model.stats.sd[0], rel=1e-4)
    steps = np.diff(curve["share"])
    assert curve["steepest"] == pytest.approx(np.abs(steps).max())
    with pytest.raises(InputError, match="num_steps is 0: expected a whole number from 1"):
        response_curves(workdir, "num_steps", [0, 5], num_images=8)
    with pytest.raises(InputError, match="increasing from 0"):
        response_curves(workdir, "strength", [1.0, 0.5], num_images=8)
    with pytest.raises(InputError, match="expected one of strength, guidance, num_steps, depth"):
        response_curves(workdir, "temperature", [0.0, 1.0], num_images=8)
