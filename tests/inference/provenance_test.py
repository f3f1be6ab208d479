"""Numbers know which code and which parameters they come from."""

import pathlib
import shutil
import subprocess

import jax
import jax.numpy as jnp

from cdae_jax.inference import provenance
from cdae_jax.inference.provenance import code_digest, parameters_digest, revision


def test_a_digest_is_of_all_values_of_the_parameters():
    params = {"a": jnp.arange(3.0), "b": {"c": jnp.ones((2, 2))}}
    digest = parameters_digest(params)
    assert len(digest) == 16 and digest == parameters_digest(jax.device_get(params))
    for name, other in (("a", jnp.array([0.0, 1.0, 2.000001])), ("b", {"c": jnp.ones((2, 2)).at[1, 0].set(0)})):
        assert parameters_digest(params | {name: other}) != digest


def test_a_revision_says_if_files_differ_from_it_and_there_is_none_outside_git(tmp_path, monkeypatch):
    copy = shutil.copy(provenance.__file__, tmp_path / "provenance.py")
    monkeypatch.setattr(provenance, "__file__", copy)
    assert revision() is None

    def git(*given):
        known = ("-c", "user.name=n", "-c", "user.email=e@example.org")
        return subprocess.run(["git", *known, *given], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "First")
    assert revision() == git("rev-parse", "HEAD")[:12]
    (tmp_path / "provenance.py").write_text("changed = True\n")
    assert revision() == git("rev-parse", "HEAD")[:12] + "+"


def test_a_digest_of_the_code_changes_with_every_file_of_the_package(tmp_path, monkeypatch):
    copied = shutil.copytree(pathlib.Path(provenance.__file__).parent, tmp_path / "package" / "inference")
    monkeypatch.setattr(provenance, "__file__", str(copied / "provenance.py"))
    first = code_digest()
    assert first == code_digest() and len(first) == 16
    (copied / "notes.txt").write_text("no code")
    assert code_digest() == first
    module = tmp_path / "package" / "maths.py"
    module.write_text("x = 1\n")
    added = code_digest()
    module.write_text("x = 2\n")
    moved = code_digest()
    module.rename(module.with_name("algebra.py"))
    assert len({first, added, moved, code_digest()}) == 4


def test_an_installed_copy_has_no_revision_even_within_a_checkout(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "own.py").write_text("")
    for command in (["add", "own.py"], ["-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "-qm", "Own"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(provenance, "__file__", shutil.copy(provenance.__file__, tmp_path / "provenance.py"))
    assert revision() is None
