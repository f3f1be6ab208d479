"""Calibration of a trained workdir: what it stores, where it travels, and what cannot be calibrated."""

import dataclasses
import shutil

import numpy as np
import pytest
from devices import one_device
from short_runs import dataset_of

import cdae_jax
from cdae_jax.errors import InputError
from cdae_jax.evaluation import calibrate as module
from cdae_jax.evaluation.bench import validation_of
from cdae_jax.evaluation.calibrate import MEMBERS, MIN_IMAGES, calibrate, describe, uncertainty_of
from cdae_jax.inference import archive
from cdae_jax.training import workdir


@pytest.fixture(scope="module")
def calibrated(trained_pendulum, tmp_path_factory):
    """A copy of the run, calibrated, and its model."""
    folder = tmp_path_factory.mktemp("calibrated") / "run"
    shutil.copytree(trained_pendulum, folder)
    with one_device():
        calibrate(folder, members=2)
        return folder, cdae_jax.load(folder)


def test_a_calibrated_model_knows_how_far_off_its_readings_are(calibrated):
    _, model = calibrated
    held = dataset_of(model.settings).validation
    gap = np.abs(model.encode(held.images) - held.labels)
    found = model.predict(held.images, {}, draws=200)
    for i in range(4):
        width = (found.spread.high - found.spread.low)[:, i]
        assert 0.7 < np.mean(width / 2) / np.quantile(gap[:, i], 0.9) < 1.4
    assert "angle: 90 % of readings are off by at most" in describe(model.uncertainty, model)[0]


def test_a_model_that_is_given_has_its_intervals_at_once(calibrated, tmp_path, monkeypatch):
    folder, _ = calibrated
    copy = shutil.copytree(folder, tmp_path / "run")
    (copy / workdir.UNCERTAINTY).unlink()
    with one_device():
        model = cdae_jax.load(copy)
        found = cdae_jax.calibrate(model, members=0)
    assert model.uncertainty is found and workdir.read_uncertainty(copy).fit_steps == found.fit_steps
    with one_device():
        model.defaults = dataclasses.replace(model.defaults, num_steps=3)
        with monkeypatch.context() as patched:
            patched.setattr(module, "uncertainty_of", lambda model, *_: found._replace(fit_steps=model.defaults))
            patched.setattr(workdir, "write_uncertainty", lambda *_: None)
            assert cdae_jax.calibrate(model).fit_steps == model.defaults  # its own, not the workdir's
        model.step -= 1
        with pytest.raises(InputError, match=r"is of step 19, but .* has gone on to step 20: load it again"):
            cdae_jax.calibrate(model, members=0)
    model.workdir = None
    with pytest.raises(InputError, match="from a file without its data: calibrate the workdir"):
        cdae_jax.calibrate(model)


def test_who_may_read_a_run_may_read_its_calibration(calibrated):
    folder, _ = calibrated
    assert (folder / workdir.UNCERTAINTY).stat().st_mode == (folder / "model.json").stat().st_mode


def test_there_are_refits_enough_for_an_interval_of_90_percent():
    """One more mechanism like them is within their range in (K - 1) / (K + 1) of all cases."""
    assert (MEMBERS - 1) / (MEMBERS + 1) >= 0.9


def test_mechanisms_are_refitted_to_resampled_labels(calibrated):
    _, model = calibrated
    assert model.uncertainty.num_members == 2
    own, first, second = model.params["params"]["scm"], model.uncertainty.member(0), model.uncertainty.member(1)
    for name, kernel in (("mechanisms_length", "Dense_0"), ("mechanisms_position", "Dense_2")):
        shapes = {np.shape(part[name][kernel]["kernel"]) for part in (own, first, second)}
        assert len(shapes) == 1 and not np.array_equal(first[name][kernel]["kernel"], second[name][kernel]["kernel"])


def test_what_is_calibrated_travels_and_is_dropped_when_training_goes_on(calibrated, tmp_path):
    folder, model = calibrated
    archive.write(tmp_path / "model.cdae", model, "Pendulum", {})
    with one_device():
        loaded = cdae_jax.load(tmp_path / "model.cdae")
    images = dataset_of(model.settings).test.images[:4]
    here, there = (one.predict(images, {"angle": 10.0}, draws=3) for one in (model, loaded))
    np.testing.assert_array_equal(here.spread.sd, there.spread.sd)
    shutil.copytree(folder, tmp_path / "run")
    workdir.reopen(tmp_path / "run")
    assert workdir.read_uncertainty(tmp_path / "run") is None
    (tmp_path / "run" / workdir.UNCERTAINTY).write_bytes(b"no arrays")
    with pytest.raises(InputError, match="is damaged .*run cdae calibrate again"):
        workdir.read_uncertainty(tmp_path / "run")


def test_too_few_images_or_labels_are_named(calibrated):
    folder, model = calibrated
    dataset = dataset_of(model.settings)
    with pytest.raises(InputError, match="has 0 validation images, expected 20 at least"):
        validation_of(dataclasses.replace(dataset, validation=None), folder, MIN_IMAGES)
    labels = dataset.validation.labels.copy()
    labels[5:, 2] = np.nan
    few = dataclasses.replace(dataset.validation, labels=labels)
    with pytest.raises(InputError, match="5 validation images have a label of 'length', expected 20 at least"):
        uncertainty_of(model, dataset, few)
