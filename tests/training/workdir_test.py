"""The files of a workdir: whose it is, what is stored in it, and what is damaged."""

import dataclasses
import json
import os
import pathlib

import numpy as np
import pytest
from short_runs import settings_with
from stripes import world

from cdae_jax.counterfactual.readout import Readout
from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.data.labels import LabelStats
from cdae_jax.errors import InputError
from cdae_jax.paths import PART
from cdae_jax.settings.run import Settings
from cdae_jax.training import workdir
from cdae_jax.training.origin import Origin
from configs.pendulum import get_config


def claim(directory, settings, origin=None):
    """As training does it; the segments."""
    segments = workdir.check_workdir(directory, settings)
    workdir.claim(directory, settings, segments, origin)
    return segments


STORED = pathlib.Path(__file__).parents[1] / "golden" / "config_pendulum.json"


def stored():
    """The config of a run of an older version, whose mechanisms learned by the objective alone."""
    config = json.loads(STORED.read_text())
    config["train"] |= {"mechanism": 0.0, "mechanism_alone": False, "mechanism_rate": 1.0}
    config["train"]["condition_drop"] = 0.0  # of a refiner the null condition has changed
    return config


def today():
    """The settings that mean the same now."""
    config = get_config("cpu").to_dict()
    config["train"]["mechanisms"], config["model"]["mechanism"] = "objective", "additive"
    config["data"] |= {"validation_share": 0.0, "judge_steps": 1_000}  # all images trained
    config["model"]["style_dim"] = 0
    config["train"] |= {"condition_drop": 0.0, "refine_every": 4, "learning_rate": 1e-3, "steps": 10_000}
    config["sample"] |= {"corrections": 0, "depth": 0.02, "num_steps": 5}
    return Settings.from_dict(config)


def test_a_workdir_is_of_one_config_alone(tmp_path):
    claim(tmp_path / "new", settings_with())
    workdir.check_workdir(tmp_path / "new", settings_with())
    train = {"learning_rate": 0.5, "batch_size": 8, "seed": 1}
    with pytest.raises(InputError) as error:
        workdir.check_workdir(tmp_path / "new", settings_with(train=train, data={"seed": 3}))
    assert (
        "was started with config.data.seed 0 (now 3); config.train.batch_size 16 (now 8); config.train.learning_rate"
        in (str(error.value))
    )
    assert "train.seed" not in str(error.value)  # three are enough


def test_more_steps_extend_a_run_and_fewer_do_not(tmp_path):
    claim(tmp_path / "new", settings_with())
    longer = settings_with(train={"steps": 60, "learning_rate": 2e-3, "anneal_steps": 15, "ema_decay": 0.99})
    first, second = claim(tmp_path / "new", longer)
    assert (first.stop, first.learning_rate, first.ema_decay) == (20, 4e-3, 0.999)
    assert (second.start, second.stop, second.learning_rate, second.ema_decay) == (20, 60, 2e-3, 0.99)
    assert second.anneal_steps == first.anneal_steps == 5  # it has risen already
    assert workdir.check_workdir(tmp_path / "new", longer) == (first, second)
    for settings, message in (
        (settings_with(), "the run in .* is one of 60 steps, and config.train.steps is 20: ask for as many or more"),
        (settings_with(train={"steps": 60}), r"learning_rate 0.002 \(now 0.004\)"),
        (settings_with(train={"steps": 80, "batch_size": 8}), r"started with config.train.batch_size 16 \(now 8\): "),
    ):
        with pytest.raises(InputError, match=message):
            workdir.check_workdir(tmp_path / "new", settings)


def test_a_run_that_was_killed_while_it_was_extended_is_not_extended_twice(tmp_path):
    claim(tmp_path, settings_with())
    before = (tmp_path / "config.json").read_text()
    segments = claim(tmp_path, settings_with(train={"steps": 40}))
    (tmp_path / "config.json").write_text(before)  # which is written last
    assert workdir.check_workdir(tmp_path, settings_with(train={"steps": 40})) == segments
    (tmp_path / "config.json").unlink()
    workdir.check_workdir(tmp_path, settings_with())


def test_shares_of_the_steps_may_change_with_them(tmp_path):
    claim(tmp_path, settings_with("smoke,method=paper"))
    longer = settings_with("smoke,method=paper", train={"steps": 400})
    assert longer.train.ema_decay != settings_with("smoke,method=paper").train.ema_decay
    first, second = claim(tmp_path, longer)
    assert second.ema_decay == longer.train.ema_decay > first.ema_decay


def test_a_run_starts_from_one_origin_and_needs_it_until_it_has_a_checkpoint(tmp_path):
    claim(tmp_path / "a", settings_with())
    with pytest.raises(InputError, match=r"started with --init_from left out \(now runs/x\)"):
        workdir.check_workdir(tmp_path / "a", settings_with(), "runs/x")
    claim(tmp_path / "b", settings_with(), {"source": "runs/x", "digest": "0"})
    workdir.check_workdir(tmp_path / "b", settings_with(), "runs/x")
    workdir.check_workdir(tmp_path / "b", settings_with())
    with pytest.raises(InputError, match=r"started with --init_from runs/x \(now runs/y\)"):
        workdir.check_workdir(tmp_path / "b", settings_with(), "runs/y")
    given = Origin("runs/x", read=None)
    assert [workdir.needs_weights(tmp_path / name, given) for name in ("new", "b")] == [True, True]
    assert not workdir.needs_weights(tmp_path / "a", None)
    with pytest.raises(InputError, match="has no checkpoint yet: give --init_from=runs/x again"):
        workdir.needs_weights(tmp_path / "b", None)
    (tmp_path / "b" / "checkpoints" / "0").mkdir(parents=True)
    assert [workdir.needs_weights(tmp_path / "b", origin) for origin in (None, given)] == [False, False]


def test_a_folder_that_cannot_be_written_to_is_refused_at_once(tmp_path, monkeypatch):
    claim(tmp_path / "run", settings_with())
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # whatever this user may do
    for where in (tmp_path / "run", tmp_path / "a" / "new" / "one"):
        with pytest.raises(InputError, match="cannot be written to: choose another --workdir"):
            workdir.check_workdir(where, settings_with())


def test_settings_of_an_older_version_are_those_that_mean_the_same(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(stored()))
    workdir.check_workdir(tmp_path, today())
    with pytest.raises(InputError, match="choose another --workdir"):
        workdir.check_workdir(tmp_path, settings_with())


def test_a_run_may_go_on_with_another_way_to_decode(tmp_path):
    claim(tmp_path, settings_with())
    workdir.check_workdir(tmp_path, settings_with(sample={"num_steps": 9}))


def test_data_that_was_given_in_memory_may_be_there_already(tmp_path):
    (tmp_path / workdir.GIVEN).mkdir()
    (tmp_path / workdir.GIVEN / "labels.csv").write_text("a,b")
    claim(tmp_path, settings_with())
    workdir.check_workdir(tmp_path, settings_with())


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    for where in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(InputError, match="a file or a folder with other files: choose an empty --workdir"):
            workdir.check_workdir(where, settings_with())
    with pytest.raises(InputError, match="cannot be made .*: choose another --workdir"):
        claim(tmp_path / "thesis.txt" / "run", settings_with())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_other_data_than_a_model_was_trained_on_is_refused(tmp_path):
    stripes = world()
    workdir.write_model(tmp_path, stripes, LabelStats.of(stripes.train.labels, stripes.graph))
    other = dataclasses.replace(stripes, name="dots")
    workdir.check_dataset(tmp_path, stripes)
    workdir.check_dataset(tmp_path / "new", other)
    assert workdir.dataset_of(tmp_path) == "stripes"
    with pytest.raises(InputError, match="was trained on stripes, but its config now gives dots"):
        workdir.check_dataset(tmp_path, other)


def owned(num, **changes):
    """Somebody's own data: nothing is known of it but images and labels."""
    return dataclasses.replace(world(num), true_counterfactual=None, render=None, measure=None, **changes)


def test_data_that_has_changed_is_refused_with_the_ways_out(tmp_path):
    data = owned(60)
    workdir.write_model(tmp_path, data, LabelStats.of(data.train.labels, data.graph))
    workdir.check_dataset(tmp_path, owned(60))
    told = (
        r"the data of .* has changed since its training began"
        r" \(60 training images are now 80, 60 test images are now 80\): bring the old data back, or train on the new"
        " in a new --workdir, with --init_from=.* to start from its weights"
    )
    with pytest.raises(InputError, match=told):
        workdir.check_dataset(tmp_path, owned(80))


def test_a_workdir_without_a_fingerprint_misses_the_training_labels_it_stored(tmp_path):
    settings = dataclasses.replace(settings_with(), graph=owned(60).graph)
    claim(tmp_path, settings)
    data = owned(60)
    workdir.write_model(tmp_path, data, LabelStats.of(data.train.labels, data.graph))
    stored = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({k: v for k, v in stored.items() if k != "fingerprint"}))
    workdir.check_dataset(tmp_path, data)
    split_anew = dataclasses.replace(data, train=data.train.take(slice(5, None)))
    with pytest.raises(InputError, match=r"has changed since its training began \(labels of the training split\)"):
        workdir.check_dataset(tmp_path, split_anew)


def test_what_inference_needs_is_read_back(tmp_path):
    settings, data = settings_with(), world(num_classes=10)
    stats = LabelStats.of(data.train.labels, data.graph, "range")
    claim(tmp_path, settings)
    workdir.write_model(tmp_path, data, stats)
    read, shape, num_classes, read_stats = workdir.read(tmp_path)
    assert (read, shape, num_classes) == (settings, (18, 18, 1), 10)
    for name, value in vars(stats).items():
        np.testing.assert_array_equal(getattr(read_stats, name), value)


def test_a_config_with_a_setting_of_training_that_is_gone_is_read(tmp_path):
    config = stored()
    config["train"]["weight_decay"] = 0.5
    (tmp_path / "config.json").write_text(json.dumps(config))
    workdir.write_model(tmp_path, world(), LabelStats.of(world().train.labels, world().graph))
    assert workdir.read(tmp_path)[0] == today()


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


def test_what_a_killed_run_left_half_written_is_no_other_file(tmp_path):
    (tmp_path / f"config.json.0a1b2c3d{PART}").write_text("{")
    workdir.check_is_free(tmp_path)
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(InputError, match="with other files"):
        workdir.check_is_free(tmp_path)
