"""The probe of what x_T still holds, on inputs whose answer is known."""

import json
import types

import numpy as np
import pytest
import stripes

from cdae_jax.errors import InputError
from cdae_jax.model.decoders import DECODERS
from cdae_jax.studies import leak as module
from cdae_jax.studies.leak import leak, readable

RNG = np.random.default_rng(0)
LABELS = RNG.normal(size=800)


def test_a_factor_that_is_there_is_read_and_one_that_is_not_is_not():
    noise = RNG.normal(size=(800, 4, 4, 1))
    assert readable(noise, LABELS) < 0.05
    curved = noise.copy()
    curved[:, 0, 0, 0] = np.tanh(LABELS)
    curved[:, 1:] *= 0  # the rest is silent
    assert readable(curved, LABELS) > 0.9


def test_half_hidden_in_noise_reads_as_half():
    buried = (LABELS + RNG.normal(size=800))[:, None]
    assert readable(buried, LABELS) == pytest.approx(0.5, abs=0.1)


class Leaky(stripes.OfTheTruth):
    """x_T holds a and noise, and nothing of b's own or of c."""

    def noise(self, images, context=None):
        return np.stack([stripes.measure(images)[:, 0] / 50, np.random.default_rng(1).normal(size=len(images))], 1)


def test_what_x_T_holds_of_every_variable(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "load", lambda _: Leaky())
    monkeypatch.setattr(module, "dataset_of", lambda *_: stripes.world(num=160))
    found = leak(tmp_path, 160)
    assert found["a"]["x_T"] > 0.95 and found["c"]["x_T"] < 0.1 and 0.2 < found["b"]["x_T"] < 0.8
    assert all(row["pixels"] > 0.95 and row["z"] > 0.95 for row in found.values())
    assert found["a"]["u"] > 0.95 and found["c"]["u"] > 0.95
    assert json.loads((tmp_path / "leak.json").read_text()) == {"num_images": 160, "r2": found}
    text = (tmp_path / "leak.md").read_text()
    assert (
        text.startswith("| R^2 read from | pixels | u | z | x_T |\n") and f"| c | {found['c']['pixels']:.3f} |" in text
    )


def test_what_style_holds_is_told_apart(monkeypatch, tmp_path):
    model = Leaky()
    model.style = lambda images: stripes.measure(images)[:, 2:]
    monkeypatch.setattr(module, "load", lambda _: model)
    monkeypatch.setattr(module, "dataset_of", lambda *_: stripes.world(num=160))
    found = leak(tmp_path, 160)
    assert found["c"]["style"] > 0.95 > 0.1 > found["c"]["x_T"]
    assert (tmp_path / "leak.md").read_text().startswith("| R^2 read from | pixels | u | z | style | x_T |\n")


def test_too_few_images_and_models_without_x_T_are_refused(monkeypatch, tmp_path):
    model = Leaky()
    monkeypatch.setattr(module, "load", lambda _: model)
    data = stripes.world(num=120)
    data.test.labels[::2, 0] = np.nan
    monkeypatch.setattr(module, "dataset_of", lambda *_: data)
    with pytest.raises(InputError, match="60 test images have every label: the probe needs at least 100"):
        leak(tmp_path, 200)
    model.model = types.SimpleNamespace(decoder=DECODERS["conv"])
    with pytest.raises(InputError, match="has a conv decoder, which has no x_T"):
        leak(tmp_path, 200)
