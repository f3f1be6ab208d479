"""Sizes: from seconds to the published one, each a whole run that warms up, anneals and saves before it ends."""

import pytest

from cdae_jax.presets.build import plain_settings, with_shares
from cdae_jax.presets.datasets import DATASETS
from cdae_jax.presets.methods import METHODS, OURS
from cdae_jax.presets.sizes import CPU, SIZES

GROWING = ("encoder_channels", "unet_channels", "num_blocks", "mechanism_hidden", "block_dim")


def fields_of(layer):
    return {(section, field) for section, fields in layer.items() for field in fields}


def test_a_size_and_a_method_are_two_things():
    """A field of both would hold twice, and the one below be forgotten."""
    assert not fields_of(CPU) & fields_of(OURS)


@pytest.mark.parametrize("size", SIZES)
def test_a_size_changes_what_is_set_already(size):
    of_data = {(section, field) for section, field in fields_of(SIZES[size]) if section == "data"}
    data = set.intersection(*(fields_of(brought["cpu"]) for brought in DATASETS.values()))
    steps = {("train", "steps")}  # which every dataset brings
    assert fields_of(SIZES[size]) - of_data <= fields_of(CPU) | fields_of(OURS) | steps and of_data <= data


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", METHODS)
def test_a_run_warms_up_anneals_and_saves_before_it_ends(dataset, size, method):
    train = plain_settings(dataset, size, method)["train"]
    train = with_shares(train, train["steps"])
    assert 2 * max(train["warmup_steps"], train["anneal_steps"]) <= train["steps"]
    assert 2 * train["checkpoint_every"] <= train["steps"]


@pytest.mark.parametrize("dataset", DATASETS)
def test_sizes_grow(dataset):
    smoke, cpu, paper = (plain_settings(dataset, size) for size in ("smoke", "cpu", "paper"))
    for small, large in ((smoke, cpu), (cpu, paper)):
        assert all(small["model"][field] <= large["model"][field] for field in GROWING)
        assert small["model"]["patch"] >= large["model"]["patch"]
        assert small["data"]["resolution"] <= large["data"]["resolution"]
        assert small["train"]["steps"] < large["train"]["steps"]
    assert smoke["train"]["steps"] <= 20
