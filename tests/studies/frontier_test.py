"""The choice among points whose numbers are written out, and what a workdir keeps of it."""

import dataclasses
import types

import pytest

from cdae_jax.counterfactual.algorithm import ABDUCTIONS
from cdae_jax.diffusion.solvers import evaluations
from cdae_jax.errors import InputError
from cdae_jax.settings.run import Settings
from cdae_jax.studies import frontier
from cdae_jax.studies.frontier import Point
from cdae_jax.training import workdir
from configs.pendulum import get_config


def row(cells, mse, evaluations, psnr=40.0, mse_to_truth=None):
    return {"cells": cells, "mse": mse, "evaluations": evaluations, "psnr": psnr, "mse_to_truth": mse_to_truth}


def test_points_are_every_combination_the_cheapest_first():
    found = frontier.points(["ddim", "bdia"], ["uniform"], [5, 10], [1.0], [1.0, 2.0])
    corrected = frontier.points(["ddim"], ["uniform"], [5, 10], [1.0], [1.0, 2.0], [0, 2])
    assert len(corrected) == 6 and {point.corrections for point in corrected if point.guidance == 2} == {0}
    assert [point.evaluations for point in corrected if point.guidance == 1] == [10, 20, 20, 40]
    assert str(corrected[-1]) == "ddim, uniform, 10 steps, depth 1, w 1, corrections 2"
    assert len(found) == 8 and found[0] == Point("bdia", "uniform", 5, 1.0, 1.0)
    # There and back; guidance doubles the way back, and BDIA's pair of states saves its first step.
    assert [point.evaluations for point in found] == sorted([10, 15, 20, 30, 5 + 4, 5 + 8, 10 + 9, 10 + 18])


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
    assert table.count("| yes |") == sum(frontier.pareto(rows)) and "7 test images" in table


@pytest.mark.parametrize(("config", "chosen"), [("restore", "restore"), ("invert", "invert"), ("noise", "invert")])
def test_the_choice_restores_what_is_lost_if_the_config_does(config, chosen):
    model = types.SimpleNamespace(settings=Settings.from_dict(get_config("smoke").to_dict()))
    sample = dataclasses.replace(model.settings.sample, abduction=config)
    model.settings = dataclasses.replace(model.settings, sample=sample)
    assert frontier.inverting(model) == chosen


def test_evaluations_are_counted_by_how_x_T_is_found():
    assert [evaluations("ddim", 10, 1.0, abduction) for abduction in ABDUCTIONS] == [20, 30, 10]
    assert [evaluations("bdia", 5, 2.0, abduction) for abduction in ABDUCTIONS] == [5 + 8, 5 + 16, 8]


def test_a_workdir_keeps_and_forgets_the_defaults_and_names_damage(tmp_path):
    assert workdir.read_defaults(tmp_path) == {}
    workdir.write_defaults(tmp_path, {"num_steps": 10}, "because")
    assert workdir.read_defaults(tmp_path) == {"num_steps": 10}
    for damage in ("{", "[]", "{}"):
        (tmp_path / "defaults.json").write_text(damage)
        with pytest.raises(InputError, match="defaults.json is damaged"):
            workdir.read_defaults(tmp_path)
    workdir.drop_defaults(tmp_path)
    assert workdir.read_defaults(tmp_path) == {}
