"""The files of a workdir: whose it is, what is stored in it, and what is damaged."""

import json
import pathlib

import numpy as np
import pytest
from short_runs import settings_with

from cdae_jax.counterfactual.readout import Readout
from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.data.labels import LabelStats
from cdae_jax.errors import InputError
from cdae_jax.settings.run import Settings
from cdae_jax.training import workdir
from configs.pendulum import get_config

STORED = pathlib.Path(__file__).parents[1] / "golden" / "config_pendulum.json"


def test_a_workdir_is_of_one_config_alone(tmp_path):
    workdir.check_workdir(tmp_path / "new", settings_with())
    workdir.claim(tmp_path / "new", settings_with())
    workdir.check_workdir(tmp_path / "new", settings_with())
    changed = settings_with(train={"learning_rate": 0.5, "steps": 9}, data={"seed": 3}, sample={"num_steps": 2})
    with pytest.raises(InputError) as error:
        workdir.check_workdir(tmp_path / "new", changed)
    assert "was started with config.data.seed 0 (now 3); config.train.steps 20 (now 9); config.train.learning_rate" in (
        str(error.value)
    )
    assert "num_steps" not in str(error.value)  # three are enough


def test_a_run_of_an_older_version_goes_on(tmp_path):
    (tmp_path / "config.json").write_text(STORED.read_text())
    workdir.check_workdir(tmp_path, Settings.from_dict(get_config("cpu").to_dict()))
    with pytest.raises(InputError, match="choose another --workdir"):
        workdir.check_workdir(tmp_path, settings_with())


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    for where in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(InputError, match="a file or a folder with other files: choose an empty --workdir"):
            workdir.check_workdir(where, settings_with())
    with pytest.raises(InputError, match="cannot be made .*: choose another --workdir"):
        workdir.claim(tmp_path / "thesis.txt" / "run", settings_with())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_other_data_than_a_model_was_trained_on_is_refused(tmp_path):
    (tmp_path / "model.json").write_text('{"dataset": "MorphoMNIST"}')
    workdir.check_dataset(tmp_path, "MorphoMNIST")
    workdir.check_dataset(tmp_path / "new", "MorphoDigits")
    assert workdir.dataset_of(tmp_path) == "MorphoMNIST"
    with pytest.raises(InputError, match="was trained on MorphoMNIST, but its config now gives MorphoDigits"):
        workdir.check_dataset(tmp_path, "MorphoDigits")


def test_what_inference_needs_is_read_back(tmp_path):
    settings = settings_with()
    labels = np.arange(12, dtype=np.float32).reshape(3, 4)
    stats = LabelStats.of(labels, settings.graph, "range")
    workdir.claim(tmp_path, settings)
    workdir.write_model(tmp_path, "Pendulum", (16, 16, 3), 10, stats)
    read, shape, num_classes, read_stats = workdir.read(tmp_path)
    assert (read, shape, num_classes) == (settings, (16, 16, 3), 10)
    for name, value in vars(stats).items():
        np.testing.assert_array_equal(getattr(read_stats, name), value)


def test_a_config_whose_training_is_gone_can_be_read_and_not_trained(tmp_path):
    config = json.loads(STORED.read_text())
    config["train"]["weight_decay"] = 0.5
    (tmp_path / "config.json").write_text(json.dumps(config))
    stats = LabelStats.of(np.arange(12, dtype=np.float32).reshape(3, 4), settings_with().graph)
    workdir.write_model(tmp_path, "Pendulum", (32, 32, 3), 0, stats)
    assert workdir.read(tmp_path)[0] == Settings.from_dict(get_config("cpu").to_dict())
    with pytest.raises(InputError, match="config.train.weight_decay is 0.5, a setting that is gone"):
        workdir.check_workdir(tmp_path, Settings.from_dict(get_config("cpu").to_dict()))


def test_chosen_options_are_kept_and_forgotten(tmp_path):
    assert workdir.read_defaults(tmp_path) is None
    chosen = Sampling(7, solver="dpm_solver", corrections=2)
    workdir.write_defaults(tmp_path, chosen, "lowest error")
    assert workdir.read_defaults(tmp_path) == chosen
    stored = json.loads((tmp_path / "defaults.json").read_text())
    assert stored["chosen"] == "lowest error"
    stored["options"]["spacing"] = "auto"  # as older versions stored it
    (tmp_path / "defaults.json").write_text(json.dumps(stored))
    assert workdir.read_defaults(tmp_path) == chosen
    workdir.drop_defaults(tmp_path)
    workdir.drop_defaults(tmp_path)
    assert workdir.read_defaults(tmp_path) is None


@pytest.mark.parametrize("content", ["{", "{}", '{"options": {}}', '{"options": 3}', "[]"])
def test_damaged_options_are_named(tmp_path, content):
    (tmp_path / "defaults.json").write_text(content)
    with pytest.raises(InputError, match=r"defaults.json is damaged \(.*\): delete it, or run cdae frontier"):
        workdir.read_defaults(tmp_path)


def test_a_readout_is_kept(tmp_path):
    readout = Readout(*(np.full(shape, i, np.float32) for i, shape in enumerate(((8,), (8,), (8, 4), (4,)))))
    workdir.write_readout(tmp_path, readout)
    for here, there in zip(workdir.read_readout(tmp_path), readout, strict=True):
        np.testing.assert_array_equal(here, there)
    np.savez(tmp_path / "readout.npz", mean=readout.mean)
    with pytest.raises(InputError, match="readout.npz cannot be read .*: run the training again"):
        workdir.read_readout(tmp_path)
