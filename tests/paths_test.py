"""Paths as users write them: home folders, variables of the environment, and what is on another machine."""

import pathlib

import pytest

from cdae_jax.errors import InputError
from cdae_jax.paths import PART, expanded, write_whole


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


def test_a_file_is_there_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_whole(path, "before")

    def killed(*_):
        assert path.read_text() == "before"
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(pathlib.Path, "replace", killed)
        write_whole(path, "after")
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]
    write_whole(path, b"after")
    assert path.read_text() == "after" and list(tmp_path.iterdir()) == [path]


def test_two_that_write_one_file_do_not_write_into_each_others(tmp_path, monkeypatch):
    parts = []
    monkeypatch.setattr(pathlib.Path, "replace", lambda part, _: parts.append(part))
    for text in ("one", "two"):
        write_whole(tmp_path / "a.json", text)
    assert len(set(parts)) == 2 and all(part.suffix == PART for part in parts)
