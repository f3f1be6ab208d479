"""Every run of the ablation lacks one part of ours, whatever the dataset."""

import dataclasses
import pathlib

import pytest

from cdae_jax.commands import sweep_plan
from cdae_jax.commands.config import config_of
from cdae_jax.presets.sweeps import ablation

GRAPH = {"age": {}, "size": {"parents": ("age",)}}
RUNS = ablation.get_sweep()


def plan(dataset):
    config = config_of(dataset, "cpu", GRAPH if dataset == "custom" else None)
    return sweep_plan.make_runs(config, RUNS, pathlib.Path("sweep"))


@pytest.mark.parametrize("dataset", ["pendulum", "morpho_mnist", "custom"])  # with parts, a context, and neither
def test_every_run_differs_from_ours_in_what_it_says_alone(dataset):
    ours, *others = plan(dataset)
    assert len(others) == len(RUNS) - 1
    for run, overrides in zip(others, RUNS[1:], strict=True):
        reset = {}
        for path, value in overrides.items():
            section, field = path.split(".")
            theirs, own = (getattr(getattr(each.settings, section), field) for each in (run, ours))
            assert theirs == value != own
            part = reset.get(section, getattr(run.settings, section))
            reset[section] = dataclasses.replace(part, **{field: own})
        assert dataclasses.replace(run.settings, **reset) == ours.settings


def test_what_concerns_decoding_alone_is_not_trained_again():
    ours, *others = plan("pendulum")
    sources = [run.trained_in for run in sweep_plan.share_training([ours, *others])[1:]]
    assert sources[-3:] == [ours.folder] * 3 and set(sources[:-3]) == {None}
