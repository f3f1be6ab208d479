"""Programs of a trained model: they run without this package, and answer as the model does."""

import copy
import dataclasses
import subprocess
import sys

import jax
import numpy as np
import pytest
from class_effects import GRAPH, HEAT, ON, STATE, trained
from devices import one_device
from networks import SHAPE, small_trained

import cdae_jax
from cdae_jax.data.labels import as_classes
from cdae_jax.errors import InputError
from cdae_jax.inference.stablehlo import programs

WITHOUT_THE_PACKAGE = """
import sys
sys.modules["cdae_jax"] = sys.modules["flax"] = None
import jax, numpy as np
given = np.load("in.npz")
def program(name):
    return jax.export.deserialize(bytearray(open(f"stablehlo/{name}.bin", "rb").read())).call
made, labels = program("counterfactual")(given["images"], given["do"], given["context"])
read, u, z = program("encode")(given["images"][:2])
np.savez("out.npz", made=made, labels=labels, read=read, u=u, z=z)
"""


@pytest.fixture(scope="module")
def model(trained_pendulum):
    """Its answers are corrected: whatever an option needs is built in."""
    with one_device():
        model = copy.copy(cdae_jax.load(trained_pendulum))
    model.defaults = dataclasses.replace(model.defaults, corrections=1)
    return model


def test_programs_run_with_jax_alone(model, tmp_path):
    for name, data in programs(model).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)
    do = np.full((3, 4), np.nan, np.float32)
    do[:, 0] = 20.0
    np.savez(tmp_path / "in.npz", images=images, do=do, context=np.zeros(3, np.int32))
    subprocess.run([sys.executable, "-I", "-c", WITHOUT_THE_PACKAGE], check=True, cwd=tmp_path)
    with np.load(tmp_path / "out.npz") as stored:
        found = dict(stored)
    images_here, labels_here = model.counterfactual(images, {"angle": 20.0})
    assert np.abs(found["made"].astype(int) - images_here.astype(int)).max() <= 1
    np.testing.assert_allclose(found["labels"], labels_here, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found["read"], model.encode(images)[:2], rtol=1e-3, atol=1e-3)
    assert found["u"].shape == found["z"].shape == (2, 4, model.model.block_dim)
    np.testing.assert_allclose(found["z"], model.latents(images)[1][:2], rtol=1e-3, atol=1e-3)


def test_programs_of_splines_fit_labels_for_any_number_of_images(one_device_alone):
    model = small_trained("conv", mechanism="spline")
    model.defaults = model.options(fit_steps=2)
    read = jax.export.deserialize(bytearray(programs(model)["stablehlo/encode.bin"])).call
    images = np.random.default_rng(0).integers(0, 256, (3, *SHAPE)).astype(np.uint8)
    for num in (1, 3):
        np.testing.assert_allclose(read(images[:num])[0], model.encode(images[:num]), rtol=1e-3, atol=1e-3)


def test_a_program_changes_the_classes_that_the_model_changes():
    with one_device():
        model = trained()
        images, do = model.sample(16, seed=3).images, np.full((16, 5), np.nan, np.float32)
        do[:, HEAT] = 2.0
        believed = model.predict(images, {"heat": 2.0})
        assert (believed != model.encode(images))[:, ON].any()
        program = jax.export.deserialize(bytearray(programs(model)["stablehlo/counterfactual.bin"]))
        _, labels = program.call(images, do, np.zeros(16, np.int32))
    np.testing.assert_array_equal(as_classes(GRAPH, labels)[:, [ON, STATE]], believed[:, [ON, STATE]])


def test_labels_that_float32_cannot_tell_apart_are_refused(model):
    times = copy.copy(model)
    times.stats = dataclasses.replace(model.stats, low=model.stats.low + 1.7e9, high=model.stats.high + 1.7e9)
    with pytest.raises(InputError, match="the labels of 'angle' are so large that float32, .* in steps of 128 alone"):
        programs(times)
