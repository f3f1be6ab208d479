"""Paths as users write them: home folders, variables of the environment, and what is on another machine."""

import pathlib

import pytest

from cdae_jax.errors import InputError
from cdae_jax.paths import expanded


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("NOWHERE", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("~", "{}/home"),
        ("~/runs", "{}/home/runs"),
        ("$RUNS/a", "{}/runs/a"),
        ("${RUNS}/a", "{}/runs/a"),
        ("a/~b", "a/~b"),
        ("cost in $", "cost in $"),
        ("C:/photos", "C:/photos"),
        ("tfds:mnist@train", "tfds:mnist@train"),
        ("pendulum", "pendulum"),
    ],
)
def test_what_the_shell_leaves_is_filled_in_and_all_else_stays(given, found, tmp_path):
    assert expanded(given) == expanded(pathlib.Path(given)) == pathlib.Path(found.format(tmp_path))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("$NOWHERE/a", r"starts from \$NOWHERE, a variable of the environment that is not known"),
        ("${NOWHERE}/a", "a variable of the environment that is not known"),
        ("~nobody.of.this.name/a", "starts from ~nobody.of.this.name, a home folder that is not known"),
        ("gs://bucket/run", "'gs://bucket/run' is on gs://: expected a folder or file of this machine"),
        ("s3://bucket/run", "is on s3://"),
        (pathlib.Path("gs://bucket/run"), "is on gs://"),
    ],
)
def test_what_is_not_of_this_machine_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        expanded(given)


def test_a_file_that_is_really_called_so_is_found():
    pathlib.Path("$NOWHERE").write_text("")
    assert expanded("$NOWHERE") == pathlib.Path("$NOWHERE")
