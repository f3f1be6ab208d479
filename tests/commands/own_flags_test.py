"""The flags for one's own images: the changes they make, and their settings as `inspect` shows them."""

import re
import sys
import typing

import pytest
from commands import run_here
from devices import one_device

from cdae_jax.commands.make_example import write_example
from cdae_jax.data import pipeline
from cdae_jax.data.settings import Custom
from cdae_jax.errors import InputError
from cdae_jax.settings.run import Settings


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own") / "example"
    write_example(folder, 100, seed=0)
    return [f"--images={folder}/images", f"--labels={folder}/labels.csv", f"--graph={folder}/graph.json"]


def test_ones_own_images_are_looked_at_from_flags_alone(example, capsys):
    with one_device():
        run_here("inspect", *example, "--resolution=16", "--set=data.test_fraction=0.4", "--set=data.seed=3")
    told = re.search(r"(\d+) training, (\d+) validation and (\d+) test images of 16", capsys.readouterr().out)
    train, validation, test = map(int, told.groups())
    assert train + validation + test == 100 and 25 < test < 55 and validation < train


def test_paths_in_a_config_are_filled_in_too(example, monkeypatch, capsys):
    folder = example[0].removeprefix("--images=").removesuffix("/images")
    monkeypatch.setenv("HOME", folder)
    monkeypatch.setenv("OWN", folder)
    files = ("--config.data.images=~/images", "--config.data.labels=${OWN}/labels.csv", "--config.data.data_dir=~/d")
    run_here("inspect", "--config=custom:smoke,$OWN/graph.json", *files)
    assert "test images of 16 x 16 x 3" in capsys.readouterr().out
    for flag in ("images", "labels"):
        with pytest.raises(InputError, match="'s3://bucket/x' is on s3://"):
            run_here("inspect", "--config=custom:smoke,~/graph.json", *files, f"--config.data.{flag}=s3://bucket/x")


def test_images_become_square_in_every_way_that_the_settings_know(capsys):
    run_here("inspect", "--help")
    known = typing.get_args(typing.get_type_hints(Custom)["fit"])
    assert f"How images become square. One of {', '.join(known)}." in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), "expected either --config, or --images, --labels and --graph"),
        (("--config=pendulum:smoke", "--set=train.steps=3"), "expected either --config, or --images"),
        (("--images=photos",), "expected all of --images, --labels and --graph"),
        (("--labels=a.csv", "--images=b", "--graph=nowhere.json"), "the graph file 'nowhere.json' cannot be read"),
        (("{}", "--set=steps"), "--set is 'steps': expected section.field=value, such as train.batch_size=8"),
        (("{}", "--set=steps=3"), "--set is 'steps=3': expected section.field=value"),
        (("{}", "--set=train.stepz=3"), "config.train.stepz is no setting; did you mean 'steps'"),
        (("{}", "--set=train.steps=many"), "train.steps is set to 'many', which no run can have"),
        (("{}", "--set=data.seed=1", "--set=data.seed=2"), "data.seed is set twice"),
        (("{}", "--resolution=16", "--set=data.resolution=32"), "data.resolution is set twice"),
    ],
)
def test_mistakes_are_named(example, given, message):
    flags = [flag for text in given for flag in (example if text == "{}" else [text])]
    with pytest.raises(InputError, match=message):
        run_here("inspect", *flags)


def test_what_a_setting_holds_as_text_stays_text(example, monkeypatch):
    """A number may mark missing labels, or be a column's name."""
    given = [*example, "--set=data.missing=-999", "--set=data.group_column=2", "--set=data.test_fraction=0.4"]
    seen = []
    monkeypatch.setattr(pipeline, "make_dataset", lambda data, graph: seen.append(data) or sys.exit())
    monkeypatch.setattr(Settings, "resolved", lambda settings: settings)
    with pytest.raises(SystemExit):
        run_here("inspect", *given)
    assert (seen[0].missing, seen[0].group_column, seen[0].test_fraction) == ("-999", "2", 0.4)
