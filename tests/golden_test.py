"""Recorded answers of the shipped model that a change of the code's shape must not move. GOLDEN=record writes them
anew.
"""

import os
import pathlib

import numpy as np
import pytest

import cdae_jax
from cdae_jax.data import pendulum
from cdae_jax.inference.shards import Source, generate

FOLDER = pathlib.Path(__file__).parent / "golden"
RECORD = os.environ.get("GOLDEN") == "record"
pytestmark = pytest.mark.usefixtures("one_device_alone")


def answers(tmp_path):
    """Name -> array, of the shipped model on four scenes."""
    model = cdae_jax.load("pendulum")
    images = pendulum.render(pendulum.continuous_labels(4, np.random.default_rng(7)), 32)
    do = {"angle": 20.0, "length": 5.0}
    found = {"encode": model.encode(images), "sample": model.sample(4, seed=1).images}
    for name, options in {"default": {}, "noise": {"solver": "ddim", "abduction": "noise"}}.items():
        made = model.counterfactual(images, do, **options)
        found[f"{name}_images"], found[f"{name}_labels"] = made
    source = Source(images, None, "scenes")
    (shard,) = generate(model, source, {"light": 100.0}, tmp_path / "out")
    with np.load(shard) as stored:
        found |= {f"generate_{name}": stored[name] for name in ("image", "believed", "read", "u", "z_do")}
    return found


def test_the_shipped_model_answers_as_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr("cdae_jax.inference.batches.BATCHES", (8,))  # one compiled program for calls and shards
    found = answers(tmp_path)
    path = FOLDER / "shipped.npz"
    if RECORD:
        np.savez_compressed(path, **found)
    with np.load(path) as recorded:
        assert set(recorded) == set(found), set(recorded) ^ set(found)
        for name, value in found.items():
            if value.dtype == np.uint8:  # a step of rounding
                assert np.abs(value.astype(int) - recorded[name]).max() <= 1, name
            else:
                np.testing.assert_allclose(value, recorded[name], rtol=1e-4, atol=1e-4, err_msg=name)
