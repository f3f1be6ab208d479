"""LPIPS against loops in NumPy over random weights, what a distance must be, and files that hold none."""

import numpy as np
import pytest

from cdae_jax.errors import InputError
from cdae_jax.evaluation.lpips import check_size, lpips, shapes

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (2, 2, 31, 35, 3), np.uint8)  # two pairs


@pytest.fixture(scope="module")
def weights():
    """Kernels that keep the size of what goes through them; weights of channels are positive, as those published."""

    def draw(name, shape):
        drawn = RNG.normal(0, 1, shape) / np.sqrt(np.prod(shape[1:]))
        return (np.abs(drawn) if name.startswith("lin") else drawn).astype(np.float32)

    return {name: draw(name, shape) for name, shape in shapes().items()}


@pytest.fixture(scope="module")
def path(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "lpips.npz"
    np.savez(path, other=np.ones(2), **weights)
    return path


def slow_convolution(x, kernel, bias, stride, padding):
    """[C, H, W] -> [out, h, w] after the ReLU, position by position."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    side = kernel.shape[-1]
    height, width = ((n - side) // stride + 1 for n in x.shape[1:])
    out = np.empty((len(kernel), height, width))
    for i in range(height):
        for j in range(width):
            seen = x[:, i * stride : i * stride + side, j * stride : j * stride + side]
            out[:, i, j] = np.tensordot(kernel, seen, 3) + bias
    return np.maximum(out, 0)


def slow_pool(x):
    height, width = ((n - 3) // 2 + 1 for n in x.shape[1:])
    seen = [[x[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max((1, 2)) for j in range(width)] for i in range(height)]
    return np.array(seen).transpose(2, 0, 1)


def slow_maps(weights, image):
    """The five maps of an image [H, W, 3] of 0..255, by the names and numbers of the published network."""
    x = image / 255 * 2 - 1
    x = ((x - [-0.030, -0.088, -0.188]) / [0.458, 0.448, 0.450]).transpose(2, 0, 1)
    maps = []
    for name, stride, padding in (
        ("slice1.0", 4, 2),
        ("slice2.3", 1, 2),
        ("slice3.6", 1, 1),
        ("slice4.8", 1, 1),
        ("slice5.10", 1, 1),
    ):
        x = slow_pool(x) if name in ("slice2.3", "slice3.6") else x
        x = slow_convolution(x, weights[f"net.{name}.weight"], weights[f"net.{name}.bias"], stride, padding)
        maps.append(x)
    return maps


def slow_lpips(weights, image, other):
    total = 0.0
    for i, (a, b) in enumerate(zip(slow_maps(weights, image), slow_maps(weights, other), strict=True)):
        a, b = (y / (np.sqrt((y**2).sum(0)) + 1e-10) for y in (a, b))
        total += ((a - b) ** 2 * weights[f"lin{i}.model.1.weight"][0]).sum(0).mean()
    return total


def test_it_is_what_loops_over_every_position_give(weights, path):
    found = lpips(path)(IMAGES[0], IMAGES[1])
    expected = [slow_lpips(weights, *pair) for pair in IMAGES.swapaxes(0, 1)]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_it_is_a_distance_and_knows_gray_images(path):
    distance, (a, b) = lpips(path), IMAGES
    assert (distance(a, a) == 0).all() and (distance(a, b) > 0).all()
    np.testing.assert_allclose(distance(a, b), distance(b, a), rtol=1e-6)
    near = np.clip(a.astype(int) + RNG.integers(-4, 5, a.shape), 0, 255).astype(np.uint8)
    assert (distance(a, near) < distance(a, b)).all()
    gray, others = a[..., :1], b[..., :1]
    np.testing.assert_allclose(distance(gray, others), distance(gray.repeat(3, -1), others.repeat(3, -1)), rtol=1e-5)


def test_other_weights_and_small_images_are_refused(weights, path, tmp_path):
    with pytest.raises(InputError, match=r"there is no weights file .*none.npz.: make the .npz of LPIPS"):
        lpips(tmp_path / "none.npz")
    for changes, message in (
        ({"net.slice2.3.bias": np.ones(3)}, r"no AlexNet of LPIPS: net.slice2.3.bias is \(3,\), expected .* \(192,\)"),
        (
            {"lin4.model.1.weight": np.full((1, 256, 1, 1), np.nan)},
            "lin4.model.1.weight has values that are not",
        ),
    ):
        np.savez(tmp_path / "wrong.npz", **weights | changes)
        with pytest.raises(InputError, match=message):
            lpips(tmp_path / "wrong.npz")
    (tmp_path / "broken.npz").write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="broken.npz cannot be read"):
        lpips(tmp_path / "broken.npz")
    check_size(IMAGES[0])
    with pytest.raises(InputError, match="LPIPS needs images of 31 pixels a side or more, and these have 30"):
        check_size(IMAGES[0][:, :30])
