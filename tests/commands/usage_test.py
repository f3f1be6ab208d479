"""What --help says: all commands on one screen, and of each its flags and an example of flags that it has."""

import ast
import importlib.util
import pathlib
import re

import pytest
from commands import run_here

from cdae_jax.commands import usage
from cdae_jax.commands.main import COMMANDS

SCREEN = 40  # lines


def told_by(name, capsys, *given):
    run_here(name, *given, "--help")
    return capsys.readouterr().out.rstrip("\n")


def test_the_commands_fit_a_screen_one_line_each_and_end_with_an_example():
    lines = usage.overview(COMMANDS).splitlines()
    assert len(lines) <= SCREEN and max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines if line.startswith("  ")] == list(COMMANDS)
    assert lines[-1].startswith("cdae fit --images=")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself_on_a_screen(name, capsys):
    told = told_by(name, capsys)
    lines = told.splitlines()
    source = importlib.util.find_spec(f"cdae_jax.commands.{name}").origin
    assert lines[0] == ast.get_docstring(ast.parse(pathlib.Path(source).read_text())).splitlines()[0]
    assert len(lines) <= SCREEN, told
    assert max(map(len, lines)) <= 92 and "repeat this option" not in told
    assert lines[-1].startswith(f"cdae {name} --"), lines[-1]
    has = set(re.findall(r"^  --([\w.]+)", told, re.MULTILINE))
    for example in (line for line in lines if line.startswith("cdae ")):
        assert set(re.findall(r" --(\w+)", example)) <= has, example


def test_flags_are_told_with_their_defaults_and_choices_those_needed_first(capsys):
    told = told_by("counterfactual", capsys)
    assert "  --num=8                  Number of test images." in told
    assert re.findall(r"^  --(\w+).*Needed\. ", told, re.MULTILINE) == ["workdir", "do"]
    assert "  --num_steps=...          Network evaluations in each direction." in told  # of a module that others share
    assert "One of seconds,\n" + " " * 27 + "steps." in told_by("baselines", capsys)
    assert "  --config.train.steps=... How long to train." in told_by("train", capsys)


def test_all_fields_of_a_config_are_told_with_it(capsys):
    lines = told_by("train", capsys, "--config=pendulum:smoke").splitlines()
    assert "--config.train.steps=20" in lines and "--config.data.sampling=continuous" in lines
    assert all(line.startswith("--config.") for line in lines)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_path_of_a_command_is_one_of_this_machine(name, capsys):
    """As is said before anything is made in a folder called gs:."""
    paths = {"workdir", "workdirs", "output", "input", "images", "labels", "graph", "sweep", "init_from"}
    for flag in paths & set(re.findall(r"^  --(\w+)", told_by(name, capsys), re.MULTILINE)):
        with pytest.raises(SystemExit) as ended:
            run_here(name, f"--{flag}=gs://bucket/a")
        assert ended.value.code == 2 and "is on gs://" in capsys.readouterr().err, flag
