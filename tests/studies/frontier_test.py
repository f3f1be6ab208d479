"""The choice among points whose numbers are written out, and of models whose errors are known."""

import dataclasses
import json
import types

import numpy as np
import pytest
import stripes
from short_runs import settings_with

from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.errors import InputError
from cdae_jax.model.decoders import DECODERS
from cdae_jax.studies import frontier
from cdae_jax.training import workdir


def row(cells, mse, evaluations, psnr=40.0, mse_to_truth=None):
    return {"cells": cells, "mse": mse, "evaluations": evaluations, "psnr": psnr, "mse_to_truth": mse_to_truth}


def test_points_are_every_combination_the_cheapest_first():
    found = frontier.points(["ddim", "dpm_solver"], [5, 10], [1.0], [1.0, 2.0])
    assert len(found) == 8 and found[0] == Sampling(5, depth=1.0)
    assert [point.evaluations for point in found] == [10, 10, 15, 15, 20, 20, 30, 30]  # guidance doubles the way back
    corrected = frontier.points(["ddim"], [5, 10], [1.0], [1.0, 2.0], [0, 2])
    assert len(corrected) == 6 and {point.corrections for point in corrected if point.guidance == 2} == {0}
    assert [point.evaluations for point in corrected if point.guidance == 1] == [10, 20, 20, 40]
    assert frontier.name_of(corrected[-1]) == "ddim, 10 steps, depth 1, w 1, corrections 2"


def test_points_with_corrections_are_left_out_where_latents_follow_no_labels():
    plain, corrected = (Sampling(4, depth=1.0, corrections=num) for num in (0, 2))
    model = stripes.OfTheTruth()
    model.defaults = Sampling(9, fit_steps=3)
    both = [dataclasses.replace(point, fit_steps=3) for point in (plain, corrected)]
    assert frontier.possible(model, [plain, corrected]) == both
    model.readout = "fitted"
    assert frontier.possible(model, [plain, corrected]) == both[:1]
    assert frontier.possible(model, [corrected]) == []


def test_a_depth_of_0_is_the_decoders_own_and_no_point_is_tried_twice():
    model = stripes.OfTheTruth()
    model.options = lambda point, **also: dataclasses.replace(point, depth=point.depth or 0.7)
    tried = frontier.points(["ddim"], [4], [0, 0.7, 1], [1.0])
    assert [point.depth for point in frontier.possible(model, tried)] == [0.7, 1]


def test_pareto_points_are_those_that_no_other_beats_everywhere():
    rows = [row(0.1, 1e-4, 20), row(0.2, 1e-5, 20), row(0.2, 1e-4, 20), row(0.3, 1e-3, 10), row(0.1, 1e-4, 20)]
    assert frontier.pareto(rows) == [True, True, False, True, True]


def test_the_choice_obeys_its_limits():
    rows = [row(0.05, 1e-3, 10, 30.0), row(0.06, 1e-4, 20, 36.0), row(0.08, 0.0, 19, 120.0), row(0.01, 0.0, 80, 50.0)]
    assert frontier.choose(rows, 20, 35.0) is rows[1]
    assert frontier.choose(rows, 19, 35.0) is rows[2]
    assert frontier.choose(rows, 20, 0.0) is rows[0]
    assert frontier.choose(rows, 5, 0.0) is None
    equal = [row(0.0100, 0.0, 8, mse_to_truth=2e-4), row(0.0104, 0.0, 9, mse_to_truth=4e-5)]
    assert frontier.choose(equal[:2], 20, 35.0) is equal[1]
    assert frontier.choose([equal[1], {**equal[1], "evaluations": 5}], 20, 35.0)["evaluations"] == 5
    others = {"intervened": 0.1, "non_descendants": None}
    table = frontier.table([{**r, "name": str(i), **others} for i, r in enumerate(rows)], None, 7)
    assert table.count("| yes |") == sum(frontier.pareto(rows)) and "7 validation images" in table


@pytest.mark.parametrize(("config", "chosen"), [("restore", "restore"), ("invert", "invert"), ("noise", "invert")])
def test_the_choice_restores_what_is_lost_if_the_config_does(config, chosen):
    model = types.SimpleNamespace(settings=settings_with(sample={"abduction": config}))
    assert frontier.restoring(model, Sampling(4)) == Sampling(4, abduction=chosen)


def test_points_are_measured_in_deviations_and_decibels(tmp_path):
    bench = stripes.bench_of(stripes.Coarse, tmp_path)
    found = frontier.measure_point(bench, Sampling(4, depth=1.0))
    off = 3 / bench.sd
    assert found["by_do"]["do(b)"] == pytest.approx(dict(zip("abc", off, strict=True)))
    assert found["intervened"] == pytest.approx(off.mean()) == pytest.approx(found["cells"])
    assert found["non_descendants"] == pytest.approx(np.mean([off[2], off[0], off[2], off[0], off[1]]))
    assert found["mse"] == found["mse_to_truth"] == pytest.approx((3 / 255) ** 2)
    assert found["psnr"] == pytest.approx(20 * np.log10(255 / 3))
    assert frontier.measure_point(bench, Sampling(20, depth=1.0))["psnr"] == 120


@pytest.fixture
def study(monkeypatch, tmp_path):
    """A study of a model of stripes, written to tmp_path."""

    def run(*limits, model=None, num_images=24, num_validation=50, **changes):
        monkeypatch.setattr(frontier, "load", lambda _: model or stripes.Coarse())
        data = stripes.world(**{"num": 50, **changes})
        validation = data.test.take(slice(0, num_validation)) if num_validation else None
        monkeypatch.setattr(frontier, "dataset_of", lambda *_: dataclasses.replace(data, validation=validation))
        return frontier.frontier(tmp_path, frontier.points(["ddim"], [4, 6, 12], [1.0], [1.0]), num_images, *limits)

    return run


def test_the_best_of_what_is_allowed_becomes_the_default(study, tmp_path):
    found = study(12, 0.0)
    assert [point["num_steps"] for point in found] == [4, 6, 12]
    assert workdir.read_defaults(tmp_path) == Sampling(6, depth=1.0)
    text = (tmp_path / "frontier.md").read_text()
    assert "| **ddim, 6 steps, depth 1, w 1** | 12 |" in text and "24 validation images" in text
    stored = json.loads((tmp_path / "frontier.json").read_text())
    assert stored["chosen"] == "ddim, 6 steps, depth 1, w 1" and stored["points"] == found
    assert "on 24 validation images" in json.loads((tmp_path / "defaults.json").read_text())["chosen"]
    assert (tmp_path / "frontier.png").is_file()
    study(12, 60.0)  # none keeps the image so well: the config's options hold again
    assert workdir.read_defaults(tmp_path) is None


def test_models_without_steps_and_splits_without_images_are_refused(study):
    model = stripes.Coarse()
    model.model = types.SimpleNamespace(decoder=DECODERS["conv"])
    with pytest.raises(InputError, match="has a conv decoder, which has no solver"):
        study(20, 0.0, model=model)
    for num in (0, 15):
        with pytest.raises(InputError, match=f"has {num} validation images, expected 16 at least: train into a new"):
            study(20, 0.0, num_validation=num)
