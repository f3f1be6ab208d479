"""The model that comes with the package: how well it obeys, and from a wheel."""

import json
import pathlib
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from commands import ENVIRONMENT

import cdae_jax
from cdae_jax.data import pendulum
from cdae_jax.inference import archive

pytestmark = pytest.mark.usefixtures("one_device_alone")
ROOT = pathlib.Path(__file__).parents[2]
NUM = 8  # scenes, as many as one compiled call takes
FROM_A_WHEEL = """
import cdae_jax
model = cdae_jax.load("pendulum")
images = model.sample(8).images
print(cdae_jax.__file__, images.shape, model.predict(images, do={"angle": 20.0})[:, 0].round(1).tolist())
"""


@pytest.fixture(scope="module")
def model():
    return cdae_jax.load("pendulum")


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("do", ["angle", "light", "length", "position"])
def test_it_obeys_and_leaves_the_rest_alone(model, do, strength):
    """Measured on scenes of no split: within an eighth of a standard deviation of what was asked for, or half of it."""
    labels = pendulum.continuous_labels(NUM, np.random.default_rng(123))
    i = model.graph.index(do)
    asked = np.roll(labels[:, i], 1)
    made = model.counterfactual(pendulum.render(labels, 32), {do: asked}, strength=strength)
    mask, values = np.zeros((NUM, 4), bool), np.zeros((NUM, 4), np.float32)
    mask[:, i], values[:, i] = True, strength * asked + (1 - strength) * labels[:, i]
    true = pendulum.true_counterfactual(labels, mask, values)
    error = np.abs(pendulum.measure(made.images) - true).mean(0) / model.stats.sd
    assert (error < 0.12).all(), dict(zip(model.graph.names, error, strict=True))


def test_a_refiner_gives_back_what_its_inversion_loses(model):
    images = pendulum.render(pendulum.continuous_labels(8, np.random.default_rng(5)), 32)
    noisy = np.clip(images + np.random.default_rng(6).integers(-40, 40, images.shape), 0, 255).astype(np.uint8)
    assert (model.reconstruct(noisy, abduction="invert") != noisy).any()
    np.testing.assert_array_equal(model.reconstruct(noisy), noisy)


def test_it_is_small_and_carries_its_numbers():
    path = archive.SHIPPED / "pendulum.cdae"
    assert path.stat().st_size < 5 * 2**20
    with zipfile.ZipFile(path) as stored:
        assert json.loads(stored.read("metrics.json"))["mean_effectiveness"]["mean"] < 0.008


def test_a_wheel_brings_it(tmp_path):
    """It samples and predicts; `make release` makes counterfactuals, too, in an environment of its own."""
    source = tmp_path / "source"  # building leaves files behind
    shutil.copytree(ROOT / "cdae_jax", source / "cdae_jax", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    built = subprocess.run(
        [*(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"), "-w", tmp_path, source],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("cdae_jax-*.whl")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tmp_path / "site")
        brought = set(opened.namelist())
    files = {path.relative_to(source).as_posix() for path in (source / "cdae_jax").rglob("*") if path.is_file()}
    assert files <= brought and {"cdae_jax/py.typed", "cdae_jax/models/pendulum.cdae"} <= brought
    environment = ENVIRONMENT | {"PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-c", FROM_A_WHEEL], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path}/site/cdae_jax/") and "(8, 32, 32, 3) [20.0, 20.0," in done.stdout
