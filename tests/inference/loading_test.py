"""Trained models are found by workdir, file or name, and what is missing or damaged is named."""

import json
import shutil
import sys

import pytest
from devices import one_device

import cdae_jax
from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.errors import InputError
from cdae_jax.inference import archive
from cdae_jax.training import workdir


def spoil_json(name, **changes):
    def spoil(directory):
        stored = json.loads((directory / name).read_text())
        for section, fields in changes.items():
            stored[section] = stored[section] | fields
        (directory / name).write_text(json.dumps(stored))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: (d / "config.json").unlink(), r"is no workdir of a trained model \(config.json is missing\)"),
        (lambda d: (d / "model.json").unlink(), r"is no workdir of a trained model \(model.json is missing\)"),
        (lambda d: (d / "config.json").write_text("{"), "config.json cannot be read"),
        (lambda d: (d / "model.json").write_text("{}"), "model.json is damaged"),
        (lambda d: shutil.rmtree(d / "checkpoints"), "no complete checkpoint yet: let training reach its first one"),
        (lambda d: (d / "defaults.json").write_text("{"), "defaults.json is damaged.*delete it"),
        (spoil_json("config.json", train={"stepz": 3}), "config.train.stepz is no setting; did you mean 'steps'"),
        (spoil_json("config.json", train={"gamma": 0.0}), "readout.npz cannot be read .*: run the training again"),
    ],
)
def test_what_is_missing_or_damaged_is_named(trained_pendulum, tmp_path, spoil, message):
    copy = shutil.copytree(trained_pendulum, tmp_path / "copy")
    spoil(copy)
    with pytest.raises(InputError, match=message):
        cdae_jax.load(copy)


def test_what_is_nowhere_is_named_with_the_models_that_there_are(tmp_path):
    for where in (tmp_path / "nowhere", "pendulom"):
        with pytest.raises(InputError, match=r"there is no folder or file '.*': .* comes with the package \(pendulum"):
            cdae_jax.load(where)


def test_a_folder_of_other_things_does_not_hide_a_model_of_the_package(tmp_path, monkeypatch):
    (tmp_path / "pendulum" / "figures").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert cdae_jax.load("pendulum").graph.names == ("angle", "light", "length", "position")
    (tmp_path / "pendulum" / "config.json").touch()  # a workdir of one's own, not yet whole
    with pytest.raises(InputError):
        cdae_jax.load("pendulum")


def test_what_is_no_path_is_named():
    with pytest.raises(InputError, match="load was given None: expected a path, or the name of a model"):
        cdae_jax.load(None)


def test_a_model_of_a_hub_is_fetched_and_read(trained_pendulum, tmp_path, monkeypatch):
    asked = []

    def snapshot_download(repository, revision):
        asked.append((repository, revision))
        return str(tmp_path / "folder")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    with one_device():
        model = cdae_jax.load(trained_pendulum)
        archive.write(tmp_path / "folder", model, "Pendulum", {})
        for source in ("hf://user/name", "hf://user/name@v1"):
            assert cdae_jax.load(source).step == model.step
    assert asked == [("user/name", None), ("user/name", "v1")]


def test_what_the_hub_does_not_give_is_said_in_a_sentence(monkeypatch):
    for wrong in ("hf://name", "hf://a/b/c", "hf:///b"):
        with pytest.raises(InputError, match="names no model of the hub: expected hf://user/name or"):
            cdae_jax.load(wrong)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"hf://user/name cannot be fetched \(.*check the name and the network"):
        cdae_jax.load("hf://user/name")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match=r'takes huggingface_hub: run pip install "cdae_jax\[hub\]"'):
        cdae_jax.load("hf://user/name")


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("precious")
    with pytest.raises(InputError, match="notes.txt is no exported model, or damaged"):
        cdae_jax.load(tmp_path / "notes.txt")


def test_a_workdir_has_the_newest_step_and_the_options_that_were_chosen_for_it(trained_pendulum, tmp_path):
    copy = shutil.copytree(trained_pendulum, tmp_path / "copy")
    with one_device():
        plain = cdae_jax.load(copy)
        workdir.write_defaults(copy, Sampling(num_steps=7, solver="dpm_solver"), "by hand")
        chosen = cdae_jax.load(copy)
    assert plain.step == chosen.step == 20 and plain.readout is None and plain.workdir == copy
    assert plain.defaults == plain.settings.sampling and chosen.defaults.num_steps == 7
