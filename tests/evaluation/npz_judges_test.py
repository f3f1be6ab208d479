"""The benchmark's judges against loops over every pixel, in both modes of batch norm, and files that hold none."""

import numpy as np
import pytest
from judges import random_weights, write_judges

from cdae_jax.errors import InputError
from cdae_jax.evaluation import npz_judges
from cdae_jax.evaluation.npz_judges import STRIDES, load_judges, physical, scaled

IMAGES = np.random.default_rng(1).integers(0, 256, (3, 28, 28, 1), np.uint8)
INTENSITY = np.array([80.0, 150.0, 240.0])


def slow_norm(h, weights, layer, training):
    """Batch norm of [N, channels, ...], channel by channel, and the leaky ReLU."""
    out = np.empty_like(h)
    for c in range(h.shape[1]):
        mean, var = weights[f"{layer}.running_mean"][c], weights[f"{layer}.running_var"][c]
        if training:
            mean, var = h[:, c].mean(), h[:, c].var()
        out[:, c] = (h[:, c] - mean) / np.sqrt(var + 1e-5) * weights[f"{layer}.weight"][c] + weights[f"{layer}.bias"][c]
    return np.where(out > 0, out, 0.01 * out)


def slow_convolution(x, kernel, stride):
    reach = kernel.shape[-1] // 2
    around = np.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    side = (x.shape[2] - 1) // stride + 1
    out = np.empty((len(x), len(kernel), side, side))
    for i in range(side):
        for j in range(side):
            seen = around[:, :, i * stride :, j * stride :][:, :, : kernel.shape[2], : kernel.shape[3]]
            out[:, :, i, j] = (seen[:, None] * kernel[None]).sum((2, 3, 4))
    return out


def slow_judge(weights, images, told=None, training=False):
    x = np.zeros((len(images), 1, 32, 32))
    x[:, 0, 2:30, 2:30] = images[..., 0]
    x = x / 255 * 2 - 1
    for at, stride in STRIDES.items():
        x = slow_norm(slow_convolution(x, weights[f"cnn.{at}.weight"], stride), weights, f"cnn.{at + 1}", training)
    x = x.mean((2, 3))
    if told is not None:
        x = np.concatenate([x, told[:, None]], 1)
    x = slow_norm(x @ weights["fc.0.weight"].T, weights, "fc.1", training)
    return x @ weights["fc.3.weight"].T + weights["fc.3.bias"]


@pytest.mark.parametrize("mode", npz_judges.MODES)
def test_judges_read_what_loops_over_every_pixel_read(tmp_path, mode):
    read = load_judges(write_judges(tmp_path), mode)(IMAGES, INTENSITY)
    given = IMAGES, None, mode == "training"
    told = (INTENSITY - 66.601204) / (254.90317 - 66.601204) * 2 - 1
    thickness = slow_judge(random_weights("thickness"), IMAGES, told, mode == "training")[:, 0]
    intensity = slow_judge(random_weights("intensity"), *given)[:, 0]
    digit = slow_judge(random_weights("digit"), *given)
    np.testing.assert_allclose(scaled("thickness", read[:, 0]), thickness, atol=2e-4)
    np.testing.assert_allclose(scaled("intensity", read[:, 1]), intensity, atol=2e-4)
    np.testing.assert_array_equal(read[:, 2], digit.argmax(1))


def test_scales_are_those_of_the_benchmark():
    for name, (low, high) in npz_judges.RANGES.items():
        np.testing.assert_allclose(scaled(name, np.array([low, high, (low + high) / 2])), [-1, 1, 0], atol=1e-6)
        np.testing.assert_allclose(physical(name, scaled(name, np.array([2.0, 90.0]))), [2, 90], rtol=1e-5)


def test_in_evaluation_mode_alone_a_reading_knows_no_other_image(tmp_path, monkeypatch):
    monkeypatch.setattr(npz_judges, "BATCH", 2)
    for mode, same in (("evaluation", True), ("training", False)):
        judges = load_judges(write_judges(tmp_path), mode)
        whole, last = judges(IMAGES, INTENSITY), judges(IMAGES[[2, 0, 1]], INTENSITY[[2, 0, 1]])
        assert np.allclose(whole[:, :2], last[[1, 2, 0], :2], rtol=1e-4) == same


def test_other_weights_have_another_hash(tmp_path):
    first = load_judges(write_judges(tmp_path)).digest
    assert load_judges(write_judges(tmp_path)).digest == first
    assert load_judges(write_judges(tmp_path, digit={"fc.3.bias": np.ones(10, np.float32)})).digest != first


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fc.0.weight": np.ones((64, 64), np.float32)}, r"fc.0.weight is \(64, 64\), expected the shape \(64, 65\)"),
        ({"fc.3.bias": np.full(1, np.nan, np.float32)}, "fc.3.bias has values that are not finite"),
        ({"fc.3.bias": np.array(["a"])}, "cannot be read"),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path, changes, message):
    write_judges(tmp_path, thickness=changes)
    with pytest.raises(InputError, match=message):
        load_judges(tmp_path)


def test_judges_that_are_missing_or_broken_are_named(tmp_path):
    with pytest.raises(InputError, match=r"there is no judge .*thickness_classifier.npz: --judges needs a folder with"):
        load_judges(tmp_path)
    write_judges(tmp_path)
    (tmp_path / "digit_classifier.npz").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"digit_classifier.npz cannot be read"):
        load_judges(tmp_path)
    np.savez(tmp_path / "digit_classifier.npz", other=np.ones(1))
    with pytest.raises(InputError, match="is no judge of the digit: cnn.0.weight is not there"):
        load_judges(tmp_path)
