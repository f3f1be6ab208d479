"""Models that travel: what is exported is what is loaded, and what is damaged is refused."""

import copy
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from commands import command

import cdae_jax
from cdae_jax.counterfactual import readout
from cdae_jax.errors import InputError
from cdae_jax.evaluation.model_card import model_card
from cdae_jax.inference import archive, loading
from cdae_jax.inference.stablehlo import programs
from cdae_jax.inference.trained_model import TrainedModel


@pytest.fixture(scope="module")
def model(trained_pendulum):
    return cdae_jax.load(trained_pendulum)


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "pendulum.cdae"
    archive.write(path, model, "Pendulum", {"MODEL_CARD.md": model_card(model, "Pendulum", None).encode()})
    return path


def rewritten(exported, path, change):
    """A copy whose files {name: bytes} were changed."""
    with zipfile.ZipFile(exported) as source:
        contents = {name: source.read(name) for name in source.namelist()}
    change(contents)
    with zipfile.ZipFile(path, "w") as target:
        for name, data in contents.items():
            target.writestr(name, data)
    return path


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)


def test_what_is_exported_is_what_is_loaded(model, exported, images):
    loaded = cdae_jax.load(exported)
    do = {"angle": 20.0}
    np.testing.assert_array_equal(loaded.counterfactual(images, do).images, model.counterfactual(images, do).images)
    assert loaded.defaults == model.defaults and loaded.variables == model.variables and loaded.step == model.step


def test_half_precision_is_half_the_size_and_about_the_same(model, exported, images, tmp_path):
    archive.write(tmp_path / "half.cdae", model, "Pendulum", {}, "float16")
    assert (tmp_path / "half.cdae").stat().st_size < 0.7 * exported.stat().st_size
    half = cdae_jax.load(tmp_path / "half.cdae")
    np.testing.assert_allclose(half.encode(images), model.encode(images), atol=0.5)


def test_a_readout_travels_too(model, tmp_path, images):
    u, z = model.latents(images)
    fitted = readout.fit(z, np.random.default_rng(1).normal(size=u.shape[:2]))
    with_readout = TrainedModel(
        model.settings, model.model, model.params, model.stats, model.image_shape, model.step, fitted
    )
    archive.write(tmp_path / "diffae.cdae", with_readout, "Pendulum", {})
    loaded = cdae_jax.load(tmp_path / "diffae.cdae")
    expected = with_readout.predict(images, {"light": 90.0})
    np.testing.assert_array_equal(loaded.predict(images, {"light": 90.0}), expected)
    assert not np.array_equal(expected, model.predict(images, {"light": 90.0}))


def flip(name):
    def change(contents):
        data = bytearray(contents[name])
        data[len(data) // 2] ^= 1
        contents[name] = bytes(data)

    return change


def newer(contents):
    contents["manifest.json"] = json.dumps(json.loads(contents["manifest.json"]) | {"format": 2}).encode()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (flip("weights.safetensors"), "the checksum of weights.safetensors does not fit"),
        (flip("config.json"), "the checksum of config.json does not fit"),
        (lambda contents: contents.pop("model.json"), "the checksum of model.json does not fit"),
        (lambda contents: contents.update({"extra.py": b"print()"}), "the checksum of extra.py does not fit"),
        (lambda contents: contents.pop("manifest.json"), "no exported model, or damaged"),
        (newer, "is of format 2, and this version reads format 1: update cdae_jax"),
    ],
)
def test_what_is_damaged_or_newer_is_refused(exported, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        cdae_jax.load(rewritten(exported, tmp_path / "other.cdae", change))


def test_a_truncated_file_and_none_at_all_are_refused(exported, tmp_path):
    (tmp_path / "cut.cdae").write_bytes(exported.read_bytes()[:1000])
    with pytest.raises(InputError, match="no exported model, or damaged"):
        cdae_jax.load(tmp_path / "cut.cdae")
    with pytest.raises(InputError, match="there is no folder or file 'pendulom'.*name of a model that comes with"):
        loading.load("pendulom")


def test_the_card_names_variables_units_and_limits(model):
    card = model_card(model, "Pendulum", None)
    assert (
        "| length | angle, light | units |" in card
        and "Not evaluated." in card
        and "The graph is an assumption" in card
    )
    error = {"normalised": 0.123, "interval": [0.1, 0.2]}
    metrics = {
        "protocol": {"reader": "direct measurement", "num_images": 99},
        "effectiveness": {"do(angle)": dict.fromkeys(model.graph.names, error)},
    }
    assert "| do(angle) | 0.123 (0.100..0.200) |" in model_card(model, "Pendulum", metrics)


def test_programs_run_with_jax_alone(model, images, tmp_path):
    model = copy.copy(model)
    model.defaults = model.defaults | {"corrections": 1}
    for name, data in programs(model).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    do = np.full((3, 4), np.nan, np.float32)
    do[:, 0] = 20.0
    np.savez(tmp_path / "in.npz", images=images, do=do, context=np.zeros(3, np.int32))
    script = f"""
import sys
sys.modules["cdae_jax"] = sys.modules["flax"] = None
import jax, numpy as np
given = np.load("{tmp_path}/in.npz")
def program(name):
    return jax.export.deserialize(bytearray(open(f"{tmp_path}/stablehlo/{{name}}.bin", "rb").read())).call
made, labels = program("counterfactual")(given["images"], given["do"], given["context"])
read, u, z = program("encode")(given["images"][:2])
np.savez("{tmp_path}/out.npz", made=made, labels=labels, read=read, u=u, z=z)
"""
    subprocess.run([sys.executable, "-I", "-c", script], check=True, cwd=tmp_path)
    with np.load(tmp_path / "out.npz") as stored:
        found = dict(stored)
    images_here, labels_here = model.counterfactual(images, {"angle": 20.0})
    assert np.abs(found["made"].astype(int) - images_here.astype(int)).max() <= 1
    np.testing.assert_allclose(found["labels"], labels_here, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found["read"], model.encode(images)[:2], rtol=1e-3, atol=1e-3)
    assert found["u"].shape == found["z"].shape == (2, 4, model.model.block_dim)


def test_the_command_exports_a_workdir_and_refuses_what_is_none(trained_pendulum, tmp_path):
    target = tmp_path / "out.cdae"
    done = command("export", f"--workdir={trained_pendulum}", f"--output={target}")
    assert done.returncode == 0, done.stderr
    assert "out.cdae" in done.stdout and "not evaluated" in done.stdout
    assert cdae_jax.load(target).step == 20
    bad = command("export", f"--workdir={trained_pendulum}", "--output=out.zip")
    assert bad.returncode == 2 and "expected a .cdae file" in bad.stderr
