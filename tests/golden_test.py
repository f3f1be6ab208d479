"""Recorded numbers that a change of the code's shape must not move: losses of short trainings, answers of the shipped
model. GOLDEN=record writes them anew.
"""

import json
import os
import pathlib

import jax
import numpy as np
import pytest

import cdae_jax
from cdae_jax.data import pendulum
from cdae_jax.distributed import sharding
from cdae_jax.inference.shards import Source, generate
from cdae_jax.presets.sizes import SMOKE
from cdae_jax.settings.run import Settings
from cdae_jax.training.optimizer import make_optimizer
from cdae_jax.training.step import init_state, jit_train_step
from configs import custom, morpho_mnist
from configs import pendulum as pendulum_config

FOLDER = pathlib.Path(__file__).parent / "golden"
RECORD = os.environ.get("GOLDEN") == "record"
STEPS = 20
pytestmark = pytest.mark.usefixtures("one_device_alone")


def graph_file(tmp_path):
    path = tmp_path / "graph.json"
    path.write_text(json.dumps({"animal": {"kind": "categorical", "classes": 3}, "size": ["animal"]}))
    return path


def pendulum_at_smoke_widths():
    config = pendulum_config.get_config("cpu")
    config.update({name: SMOKE[name] for name in ("model", "train")})
    config.data.resolution = 16
    return config


CONFIGS = {  # between them every decoder but the draft alone, every condition but one, and both kinds of mechanism
    "morpho_mnist": lambda _: morpho_mnist.get_config("smoke"),
    "custom": lambda tmp_path: custom.get_config(f"smoke,{graph_file(tmp_path)}"),
    "pendulum_cpu": lambda _: pendulum_at_smoke_widths(),
    "conditional": lambda _: pendulum_config.get_config("smoke,method=conditional"),
}


def settings_of(name, tmp_path):
    return Settings.from_dict(CONFIGS[name](tmp_path).to_dict())


def losses(settings, num_classes, channels):
    train, mesh = settings.train, sharding.make_mesh()
    rng = np.random.default_rng(0)
    shape = (settings.data.resolution, settings.data.resolution, channels)
    model, tx = settings.make_model(num_classes), make_optimizer(train)
    state = jax.jit(lambda: init_state(model, tx, shape, 0))()
    step = jit_train_step(settings, model, tx, mesh, sharding.state_shardings(state, mesh, 1.0))
    found = []
    for _ in range(STEPS):
        y = rng.normal(size=(train.batch_size, len(settings.graph))).astype(np.float32)
        for i, var in enumerate(settings.graph.variables):
            if var.classes:
                y[:, i] = rng.integers(var.classes, size=len(y))
        y[rng.random(y.shape) < 0.2] = np.nan
        batch = {
            "image": rng.integers(0, 256, (train.batch_size, *shape), np.uint8),
            "y": y,
            "context": rng.integers(max(1, num_classes), size=len(y)).astype(np.int32),
            "intervened": rng.random(y.shape) < 0.1,
        }
        state, metrics = step(state, sharding.to_devices(batch, mesh))
        found.append(float(metrics["loss"]))
    return found


@pytest.mark.parametrize("name", CONFIGS)
def test_losses_are_those_recorded(name, tmp_path):
    settings = settings_of(name, tmp_path)
    is_digits = name == "morpho_mnist"
    found = losses(settings, 10 if is_digits else 0, 1 if is_digits else 3)
    path = FOLDER / f"losses_{name}.json"
    if RECORD:
        path.write_text(json.dumps(found) + "\n")
    np.testing.assert_allclose(found, json.loads(path.read_text()), rtol=1e-4)


def answers(tmp_path):
    """Name -> array, of the shipped model on four scenes."""
    model = cdae_jax.load("pendulum")
    images = pendulum.render(pendulum.continuous_labels(4, np.random.default_rng(7)), 32)
    do = {"angle": 20.0, "length": 5.0}
    found = {"encode": model.encode(images), "sample": model.sample(4, seed=1).images}
    ways = {
        f"{solver}_{abduction}": {"solver": solver, "abduction": abduction}
        for solver in ("ddim", "dpm_solver")
        for abduction in ("invert", "restore", "noise")
    }
    ways["half"] = {"strength": 0.5}
    ways["guided"] = {"guidance": 1.5}
    for name, options in ways.items():
        made = model.counterfactual(images, do, **options)
        found[f"{name}_images"], found[f"{name}_labels"] = made
    source = Source(images, None, "scenes")
    (shard,) = generate(model, source, {"light": 100.0}, tmp_path / "out")
    with np.load(shard) as stored:
        found |= {f"generate_{name}": stored[name] for name in ("image", "believed", "read", "u", "z_do")}
    return found


def test_the_shipped_model_answers_as_recorded(tmp_path):
    found = answers(tmp_path)
    path = FOLDER / "shipped.npz"
    if RECORD:
        np.savez_compressed(path, **found)
    with np.load(path) as recorded:
        assert set(recorded) == set(found)
        for name, value in found.items():
            if value.dtype == np.uint8:  # a step of rounding
                assert np.abs(value.astype(int) - recorded[name]).max() <= 1, name
            else:
                np.testing.assert_allclose(value, recorded[name], rtol=1e-4, atol=1e-4, err_msg=name)
