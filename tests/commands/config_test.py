"""The flag --config: names and files of configs, their fields, and what none can be."""

import ast
import json
import pathlib
import re

import pytest
from absl import flags

from cdae_jax.commands import config
from cdae_jax.commands.common import sentence
from cdae_jax.errors import InputError
from cdae_jax.presets.datasets import DATASETS
from cdae_jax.profiling import batch_size
from configs import custom, pendulum

pytestmark = pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")  # by which a file is read


def values_of(*given):
    values, argv = flags.FlagValues(), ["command", *given]
    config.define(flag_values=values, argv=argv)
    values(argv)
    return values


@pytest.fixture
def graph(tmp_path):
    (tmp_path / "my,graph.json").write_text(json.dumps({"glow": ["size"]}))
    return tmp_path / "my,graph.json"


@pytest.mark.parametrize(
    ("name", "argument"),
    [("pendulum", "cpu"), ("pendulum:cpu", "cpu"), ("pendulum:smoke,method=diffae", "smoke,method=diffae")],
)
def test_a_name_is_the_config_of_its_file(name, argument):
    assert values_of(f"--config={name}").config.to_dict() == pendulum.get_config(argument).to_dict()


def test_a_file_is_read_as_it_always_was():
    assert values_of("--config=configs/pendulum.py:smoke").config.to_dict() == pendulum.get_config("smoke").to_dict()


@pytest.mark.parametrize("path", sorted(pathlib.Path("configs").glob("*.py")), ids=lambda path: path.name)
def test_a_file_needs_nothing_but_what_is_installed(path):
    """`cdae` runs from any folder, and a copy of the file may lie anywhere."""
    nodes = ast.walk(ast.parse(path.read_text()))
    names = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= {"cdae_jax"}


@pytest.mark.parametrize("dataset", [name for name in DATASETS if name != "custom"])
def test_every_dataset_has_a_name(dataset):
    name = DATASETS[dataset]["cpu"]["data"]["name"]
    assert config.settings(values_of(f"--config={dataset}:smoke")).data.name == name


def test_ones_own_images_bring_their_graph(graph, monkeypatch):
    monkeypatch.setenv("GRAPHS", str(graph.parent))
    found = values_of("--config=custom:smoke,$GRAPHS/my,graph.json,method=conditional").config
    assert found.to_dict() == custom.get_config(f"smoke,{graph},method=conditional").to_dict()
    assert list(found.graph) == ["size", "glow"] and found.model.block_dim == 1
    assert values_of(f"--config=custom:smoke,{graph}").config.model.block_dim == 4


def test_a_batch_size_may_be_that_which_fits_the_memory(monkeypatch, capsys):
    given = ("--config=pendulum:smoke", "--config.train.batch_size=auto", "--config.system.microbatches=2")
    with pytest.raises(InputError, match="on a CPU give a number, such as 16"):
        config.settings(values_of(*given))
    asked = []
    monkeypatch.setattr(batch_size, "fitting_batch_size", lambda settings: asked.append(settings) or 64)
    found = config.settings(values_of(*given))
    assert found.train.batch_size == 64 and asked[0].system.microbatches == 2
    assert capsys.readouterr().out == "batch size 64, which fits the memory\n"
    assert config.settings(values_of(*given[:1], "--config.train.batch_size=32")).train.batch_size == 32
    with pytest.raises(InputError, match="config.train.batch_size is 'large': expected a whole number"):
        config.settings(values_of(*given[:1], "--config.train.batch_size=large"))


def test_fields_are_changed_and_locked_and_handed_on():
    given = ("--config=pendulum:cpu,method=paper", "--config.train.steps=400", "--config.data.sampling=grid")
    values = values_of(*given)
    assert values.config.train.anneal_steps == 100 and values.config.data.sampling == "grid"
    assert config.argv_of(values) == list(given)
    with pytest.raises(AttributeError, match='Did you mean "steps"'):
        values_of("--config=pendulum", "--config.train.stepz=3")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("pendlum:cpu", "there is no config 'pendlum': expected one of pendulum, .*; did you mean 'pendulum'"),
        ("configs/pendlum.py:cpu", "there is no config 'configs/pendlum.py': .*; did you mean 'pendulum'"),
        ("elsewhere/pendulum.py", "there is no config 'elsewhere/pendulum.py': .*did you mean 'pendulum'"),
        ("~nobody.of.this.name/c.py", "a home folder that is not known"),
        ("pendulum:huge", "there is no size 'huge': expected one of cpu, smoke, paper"),
        ("configs/pendulum.py:huge", "there is no size 'huge': expected one of cpu, smoke, paper"),
        ("pendulum:", "there is no size ''"),
        ("pendulum:cpu,method=gan", "there is no method 'gan': expected one of ours"),
        ("custom", "the config was given '': expected a size and a graph file, such as cpu,graph.json"),
        ("custom:cpu", "the config was given 'cpu': expected a size and a graph file"),
        ("custom:cpu,method=diffae", "expected a size and a graph file"),
        ("custom:cpu,nowhere.json", "the graph file 'nowhere.json' cannot be read"),
    ],
)
def test_a_config_that_is_none_is_told_in_one_sentence(given, told):
    with pytest.raises((flags.Error, ValueError)) as raised:
        values_of(f"--config={given}")
    assert re.search(told, sentence(raised.value)) and "\n" not in sentence(raised.value)
