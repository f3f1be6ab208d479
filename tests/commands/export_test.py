"""`cdae export`: a workdir as one file, and what cannot be one."""

import json
import shutil
import zipfile

import pytest
from commands import run_here

import cdae_jax
from cdae_jax.errors import InputError


def test_the_command_exports_a_workdir_and_refuses_what_is_none(trained_pendulum, tmp_path, capsys):
    target = tmp_path / "out.cdae"
    run_here("export", f"--workdir={trained_pendulum}", f"--output={target}", "--precision=float16")
    told = capsys.readouterr().out
    assert "out.cdae" in told and "not evaluated: run cdae evaluate" in told
    assert cdae_jax.load(target).step == 20
    with zipfile.ZipFile(target) as opened:
        assert "Not evaluated." in opened.read("README.md").decode()
    run_here("export", f"--workdir={trained_pendulum}", f"--output={tmp_path}/folder")
    card = (tmp_path / "folder" / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: cdae_jax\n") and "\n---\n\n# Causal diffusion autoencoder" in card
    assert cdae_jax.load(tmp_path / "folder").step == 20
    for workdir, output, message in (
        (trained_pendulum, tmp_path / "out.zip", "expected a .cdae file"),
        (trained_pendulum, tmp_path / "none" / "out.cdae", "in a folder that exists"),
        (trained_pendulum, tmp_path / "none" / "out", "or a folder that is new, in one that exists"),
        (trained_pendulum, tmp_path, "or a folder that is new"),
        (target, tmp_path / "b.cdae", "is no folder: give that of a trained model"),
    ):
        with pytest.raises(InputError, match=message):
            run_here("export", f"--workdir={workdir}", f"--output={output}")


def test_numbers_travel_with_the_model_that_they_were_measured_on_alone(evaluated, tmp_path, capsys):
    workdir = shutil.copytree(evaluated[0], tmp_path / "run")
    metrics = json.loads((workdir / "metrics.json").read_text())
    error = metrics["effectiveness"]["do(angle)"]["angle"]["normalised"]

    def exported():
        run_here("export", f"--workdir={workdir}", f"--output={tmp_path}/out.cdae")
        with zipfile.ZipFile(tmp_path / "out.cdae") as opened:
            return {name: opened.read(name).decode() for name in opened.namelist() if name.endswith((".md", ".json"))}

    files = exported()
    assert json.loads(files["metrics.json"]) == metrics and f"| do(angle) | {error:.3f} (" in files["README.md"]
    assert "not evaluated" not in capsys.readouterr().out
    metrics["protocol"]["step"] = 10  # the model was trained further since
    (workdir / "metrics.json").write_text(json.dumps(metrics))
    files = exported()
    assert "metrics.json" not in files and "Not evaluated." in files["README.md"]
    assert "not evaluated: run cdae evaluate" in capsys.readouterr().out
