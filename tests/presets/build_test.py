"""A dataset, a size and a method make the settings of a run, and its config file gives them to flags."""

import pytest

from cdae_jax.commands.config import config_of
from cdae_jax.presets import build
from cdae_jax.presets.build import plain_settings, with_shares
from cdae_jax.presets.datasets import DATASETS
from cdae_jax.presets.methods import METHODS, Memory, Share
from cdae_jax.presets.sizes import SIZES
from cdae_jax.settings.run import Settings
from configs import (
    causal_chamber,
    causal_chamber_polarisers,
    causal_chamber_simulated,
    causal_circuit,
    celeba,
    celeba_simple,
    circuit_lookalike,
    morpho_mnist,
    morpho_mnist_digit,
    pendulum,
)

FILES = {
    "pendulum": pendulum,
    "morpho_mnist": morpho_mnist,
    "morpho_mnist_digit": morpho_mnist_digit,
    "circuit_lookalike": circuit_lookalike,
    "causal_circuit": causal_circuit,
    "celeba": celeba,
    "celeba_simple": celeba_simple,
    "causal_chamber": causal_chamber,
    "causal_chamber_polarisers": causal_chamber_polarisers,
    "causal_chamber_simulated": causal_chamber_simulated,
}


@pytest.mark.parametrize("dataset", FILES)
@pytest.mark.parametrize("size", SIZES)
def test_every_config_file_is_valid_and_survives_json(dataset, size):
    settings = Settings.from_dict(FILES[dataset].get_config(size).to_dict())
    assert settings.data.name == DATASETS[dataset]["cpu"]["data"]["name"]
    assert Settings.from_dict(settings.to_dict()) == settings


@pytest.mark.parametrize("dataset", [name for name in DATASETS if name != "custom"])
def test_a_graph_keeps_the_order_of_its_table(dataset):
    settings = Settings.from_dict(config_of(dataset, "cpu").to_dict())
    assert settings.graph.names == tuple(DATASETS[dataset]["graph"])


def test_a_config_is_of_cpu_size_and_ours_unless_told_otherwise():
    assert pendulum.get_config().to_dict() == pendulum.get_config("cpu,method=ours").to_dict()


def test_what_is_said_later_holds(monkeypatch):
    """The method's over the dataset's own of the size, over the size, over the dataset, over ours, over the size
    "cpu"."""
    layers = {
        "OURS": {"train": dict.fromkeys("bcdefg", "ours")},
        "METHODS": {"m": {"graph": True, "parts": True, "train": {"g": "method"}}},
        "SIZES": {"small": {"sample": {"num_steps": 1}, "train": dict.fromkeys("efg", "size")}},
        "DATASETS": {
            "d": {
                "graph": {},
                "cpu": {"train": dict.fromkeys("cdefg", "dataset")},
                "small": {"train": dict.fromkeys("fg", "dataset's own of the size")},
            }
        },
        "CPU": {name: dict.fromkeys("abcdefg", "size cpu") for name in build.SECTIONS},
    }
    for name, layer in layers.items():
        monkeypatch.setattr(build, name, layer)
    assert plain_settings("d", "small", "m")["train"] == {
        "a": "size cpu",
        "b": "ours",
        "c": "dataset",
        "d": "dataset",
        "e": "size",
        "f": "dataset's own of the size",
        "g": "method",
    }


@pytest.mark.parametrize("method", METHODS)
def test_a_method_says_nothing_that_is_not_looked_at(method):
    assert set(METHODS[method]) <= {"title", "graph", "parts", *build.SECTIONS}


def test_presets_are_not_changed_by_what_is_made_of_them():
    plain = plain_settings("pendulum", "cpu")
    plain["data"]["resolution"], plain["graph"]["angle"]["unit"] = 7, "rad"
    again = plain_settings("pendulum", "cpu")
    assert again["data"]["resolution"] == 32 and again["graph"]["angle"]["unit"] == "deg"


def test_whatever_the_method_a_smoke_run_decodes_in_few_steps():
    assert {plain_settings("pendulum", "smoke", method)["sample"]["num_steps"] for method in METHODS} == {4}


@pytest.mark.parametrize(
    ("method", "parents", "parts"), [("ours", 2, 4), ("paper", 2, 0), ("aligned", 0, 4), ("noise", 2, 4)]
)
def test_a_method_gets_of_the_graph_what_it_knows(method, parents, parts):
    graph = plain_settings("pendulum", "cpu", method)["graph"]
    assert sum(bool(spec.get("parents")) for spec in graph.values()) == parents
    assert all(("parents" in spec) == bool(parents) for spec in graph.values())  # else no flag could set them
    assert sum("part" in spec for spec in graph.values()) == parts
    assert [spec["unit"] for spec in graph.values()] == ["deg", "deg", "units", "units"]


def test_shares_of_the_steps_are_worked_out():
    found = with_shares({"a": Share(0.25), "b": Memory(0.05), "c": 3}, 2_000)
    assert found == {"a": 500, "b": pytest.approx(1 - 1 / (0.05 * 2_000 + 1)), "c": 3}


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("gpu", "there is no size 'gpu': expected one of cpu, smoke, paper"),
        ("", "there is no size '': expected one of cpu, smoke, paper"),
        ("papr", "did you mean 'paper'"),
        ("cpu,method=gan", "there is no method 'gan': expected one of ours, paper, released, conditional, diffae"),
        ("cpu,method=difae", "did you mean 'diffae'"),
        ("cpu,baseline=diffae", "the config was given 'baseline=diffae': expected method=<name>"),
        ("cpu,diffae", "the config was given 'diffae': expected method=<name>"),
    ],
)
def test_unknown_sizes_and_methods_are_refused(argument, message):
    with pytest.raises(ValueError, match=message):
        pendulum.get_config(argument)
