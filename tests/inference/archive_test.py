"""Models that travel: what is exported is what is loaded, and what is damaged is refused."""

import json
import zipfile

import numpy as np
import pytest
from devices import one_device

import cdae_jax
from cdae_jax.counterfactual.readout import fit_readout
from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.errors import InputError
from cdae_jax.inference import archive
from cdae_jax.inference.trained_model import TrainedModel


@pytest.fixture(scope="module")
def model(trained_pendulum):
    with one_device():
        return cdae_jax.load(trained_pendulum)


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "pendulum.cdae"
    archive.write(path, model, "Pendulum", {"README.md": b"for people"})
    return path


def load(path):
    with one_device():
        return cdae_jax.load(path)


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
    loaded, do = load(exported), {"angle": 20.0}
    np.testing.assert_array_equal(loaded.counterfactual(images, do).images, model.counterfactual(images, do).images)
    assert loaded.settings == model.settings and loaded.defaults == model.defaults
    assert loaded.variables == model.variables and loaded.step == model.step == 20


def test_a_folder_for_a_hub_is_the_same_model_whatever_lies_beside_it(model, images, tmp_path):
    archive.write(tmp_path / "folder", model, "Pendulum", {"README.md": b"for people", "stablehlo/a.bin": b"program"})
    names = {path.relative_to(tmp_path / "folder").as_posix() for path in (tmp_path / "folder").rglob("*.*")}
    assert names >= {"README.md", "model.safetensors", "config.json", "stablehlo/a.bin"}
    (tmp_path / "folder" / ".gitattributes").write_text("*.safetensors filter=lfs")
    loaded = load(tmp_path / "folder")
    np.testing.assert_array_equal(loaded.encode(images), model.encode(images))
    with pytest.raises(InputError, match=r"folder cannot be written \(.*not empty"):
        archive.write(tmp_path / "folder", model, "Pendulum", {})
    assert {path.name for path in tmp_path.iterdir()} == {"folder"}
    (tmp_path / "folder" / "config.json").write_text("{}")
    with pytest.raises(InputError, match="the checksum of config.json does not fit"):
        load(tmp_path / "folder")


def test_a_manifest_leads_nowhere_else(model, tmp_path):
    archive.write(tmp_path / "folder", model, "Pendulum", {})
    manifest = tmp_path / "folder" / "manifest.json"
    stored = json.loads(manifest.read_text())
    for name in ("/dev/zero", "../other"):
        manifest.write_text(json.dumps(stored | {"sha256": stored["sha256"] | {name: "0"}}))
        with pytest.raises(InputError, match=f"damaged .*names '{name}', which is not in it"):
            load(tmp_path / "folder")


def test_half_precision_is_half_the_size_and_about_the_same(model, exported, images, tmp_path):
    archive.write(tmp_path / "half.cdae", model, "Pendulum", {}, "float16")
    assert (tmp_path / "half.cdae").stat().st_size < 0.7 * exported.stat().st_size
    half = load(tmp_path / "half.cdae")
    np.testing.assert_allclose(half.encode(images), model.encode(images), atol=0.5)


def test_a_readout_the_chosen_options_and_the_numbers_travel_too(model, tmp_path, images):
    u, z = model.latents(images)
    fitted = fit_readout(z, np.random.default_rng(1).normal(size=u.shape[:2]))
    with one_device():
        with_readout = TrainedModel(
            model.settings, model.model, model.params, model.stats, model.image_shape, model.step, fitted, Sampling(3)
        )
    archive.write(tmp_path / "diffae.cdae", with_readout, "Pendulum", {"metrics.json": b'{"a": 1}'})
    with zipfile.ZipFile(tmp_path / "diffae.cdae") as stored:
        assert stored.read("metrics.json") == b'{"a": 1}'
    loaded = load(tmp_path / "diffae.cdae")
    assert loaded.defaults == Sampling(3)
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
    contents["manifest.json"] = json.dumps(json.loads(contents["manifest.json"]) | {"format": 3}).encode()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (flip("model.safetensors"), "the checksum of model.safetensors does not fit"),
        (flip("config.json"), "the checksum of config.json does not fit"),
        (lambda contents: contents.pop("model.json"), "the checksum of model.json does not fit"),
        (lambda contents: contents.update({"extra.py": b"print()"}), "the checksum of extra.py does not fit"),
        (lambda contents: contents.pop("manifest.json"), "no exported model, or damaged"),
        (newer, "is of format 3, and this version reads format 2: update cdae_jax"),
    ],
)
def test_what_is_damaged_or_newer_is_refused(exported, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        cdae_jax.load(rewritten(exported, tmp_path / "other.cdae", change))


def test_a_truncated_file_is_refused(exported, tmp_path):
    (tmp_path / "cut.cdae").write_bytes(exported.read_bytes()[:1000])
    with pytest.raises(InputError, match="no exported model, or damaged"):
        cdae_jax.load(tmp_path / "cut.cdae")


def test_what_cannot_be_written_leaves_nothing(model, tmp_path):
    with pytest.raises(InputError, match="the precision is 'int8': expected one of float32, float16"):
        archive.write(tmp_path / "a.cdae", model, "Pendulum", {}, "int8")
    (tmp_path / "a.cdae").mkdir()
    with pytest.raises(InputError, match="a.cdae cannot be written .*: choose another --output"):
        archive.write(tmp_path / "a.cdae", model, "Pendulum", {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.cdae"]
