"""The built-in datasets: renderer, measurements, true mechanisms, files."""

import functools
import gzip
import io
import urllib.error
import urllib.request

import jax.numpy as jnp
import numpy as np
import pytest
from fakes import bar, fake_mnist, published_circuit

from cdae_jax.data import causal_circuit, circuit, mnist, morpho_mnist, morphology, pendulum
from cdae_jax.data.drawing import to_uint8
from cdae_jax.data.mnist import load_mnist
from cdae_jax.errors import InputError

RNG = np.random.default_rng(0)
SCENES = pendulum.continuous_labels(64, np.random.default_rng(1))


def test_numpy_and_jax_render_the_same_pixels():
    by_numpy = to_uint8(pendulum.draw_scene(SCENES, 48))
    by_jax = np.asarray(to_uint8(pendulum.draw_scene(SCENES, 48, xp=jnp), xp=jnp))
    gap = np.abs(by_numpy.astype(int) - by_jax)
    assert gap.max() <= 1 and (gap > 0).mean() < 1e-3  # rounding of halves


@pytest.mark.parametrize("resolution", [24, 32, 96])
def test_a_higher_resolution_shows_the_same_scene(resolution):
    fine = pendulum.render(SCENES[:8], resolution * 4).astype(float)
    coarse = fine.reshape(8, resolution, 4, resolution, 4, 3).mean((2, 4))
    assert np.abs(coarse - pendulum.render(SCENES[:8], resolution)).mean() < 1.5


def test_pixels_stand_where_the_geometry_says():
    image = pendulum.render(np.array([[30.0, 90.0, 4.0, 8.0]]), 220)[0].astype(int)

    def at(x, y):
        return image[int((21 - y) * 10), int(x * 11)]

    assert np.abs(at(10 + 8 * 0.5, 10.5 - 8 * np.cos(np.pi / 6)) - [178, 34, 34]).max() <= 1  # bob
    assert np.abs(at(10, 20.4) - [255, 165, 0]).max() <= 1  # sun above the middle
    assert at(7, -0.5).max() == 0 and at(9, -0.5).max() == 0 and at(12, -0.5).min() == 255  # shadow from 6 to 10


def test_measurement_recovers_all_factors_even_where_no_shadow_falls_so():
    shuffled = np.stack([np.random.default_rng(i).permutation(column) for i, column in enumerate(SCENES.T)], -1)
    for labels in (SCENES, shuffled):
        gap = np.abs(pendulum.measure(pendulum.render(labels, 32)) - labels)
        assert (np.median(gap, 0) < [0.05, 0.05, 0.02, 0.02]).all()
        assert (gap[:, :2].max(0) < 0.1).all()


def test_classic_grid_has_the_published_sizes_and_floor():
    train, test = pendulum.grid_labels()
    assert (len(train), len(test)) == (5482, 1826)
    everything = np.concatenate([train, test])
    assert len(np.unique(everything[:, :2], axis=0)) == 7308
    assert (everything[:, 2] <= pendulum.MIN_SHADOW).mean() == pytest.approx(0.396, abs=0.001)


def test_true_pendulum_counterfactuals():
    mask, values = np.zeros((64, 4), bool), np.zeros((64, 4), np.float32)
    mask[:, 0], values[:, 0] = True, 20
    mask[32:, 2], values[32:, 2] = True, 5
    after = pendulum.true_counterfactual(SCENES, mask, values)
    np.testing.assert_array_equal(after[:, 1], SCENES[:, 1])
    length, position = pendulum.shadow(np.full(64, 20.0), SCENES[:, 1])
    np.testing.assert_allclose(after[:32, 2], length[:32], atol=1e-4)
    np.testing.assert_allclose(after[32:, 2], 5)
    np.testing.assert_allclose(after[:, 3], position, atol=1e-4)
    unchanged = pendulum.true_counterfactual(SCENES, np.zeros((64, 4), bool), values)
    np.testing.assert_allclose(unchanged, SCENES, atol=1e-4)


@pytest.mark.parametrize("width", [2.0, 3.0, 4.0, 5.0])
def test_thickness_of_drawn_bars(width):
    found = [morphology.measure_thickness(bar(width, angle)) for angle in (0.0, 0.4, 0.8, 1.3)]
    assert np.abs(np.array(found) - width).max() < 0.35
    assert abs(np.mean(found) - width) < 0.2


def test_thickness_and_intensity_can_be_set():
    drawn = bar(2.5, 0.4)
    for target in (1.5, 3.0, 4.5):
        thick = morphology.set_thickness(drawn, target)
        assert abs(morphology.measure_thickness(thick) - target) < 0.2
        for grey in (80, 200):
            assert abs(morphology.measure_intensity(morphology.set_intensity(thick, grey)) - grey) <= 1.5
    assert morphology.measure_thickness(np.zeros((28, 28), np.uint8)) == 0
    assert morphology.measure_intensity(np.zeros((28, 28), np.uint8)) == 0


def test_true_morpho_mnist_counterfactuals_keep_each_images_noise():
    thickness, noise = morpho_mnist.draw_thickness(RNG, 500), RNG.standard_normal(500)
    thickness = np.minimum(thickness, 3.5)
    labels = np.stack([thickness, morpho_mnist.intensity_of(thickness, noise)], -1).astype(np.float32)
    np.testing.assert_allclose(morpho_mnist.noise_of(*labels.T), noise, atol=0.01)
    mask = np.tile([True, False], (500, 1))
    after = morpho_mnist.true_counterfactual(labels, mask, np.full((500, 2), 2.0, np.float32))
    np.testing.assert_allclose(after[:, 1], morpho_mnist.intensity_of(2.0, noise), rtol=1e-3)
    undone = morpho_mnist.true_counterfactual(after, mask, labels)
    np.testing.assert_allclose(undone, labels, rtol=2e-3)
    set_both = morpho_mnist.true_counterfactual(labels, ~np.zeros((500, 2), bool), np.full((500, 2), 100.0))
    np.testing.assert_array_equal(set_both, 100)


def test_morpho_mnist_is_made_from_idx_files_and_kept(tmp_path, monkeypatch):
    fake_mnist(tmp_path, monkeypatch)
    make = functools.partial(morpho_mnist.make_dataset, data_dir=str(tmp_path), train_size=40, test_size=40, seed=0)
    first = make(str(tmp_path))
    assert first.name == "MorphoMNIST"
    assert first.train.images.shape == (40, 28, 28, 1) and first.train.images.dtype == np.uint8
    np.testing.assert_allclose(morpho_mnist.measure(first.train.images), first.train.labels)
    monkeypatch.setattr(morpho_mnist, "_prepare", lambda *_: pytest.fail("made twice"))
    second = make(str(tmp_path))
    np.testing.assert_array_equal(first.train.images, second.train.images)
    kept = sorted((tmp_path / "morpho_mnist").iterdir())
    assert [path.suffix for path in kept] == [".npz", ".npz"]
    kept[0].write_bytes(kept[0].read_bytes()[:500])
    with pytest.raises(InputError, match="delete the file"):
        make(str(tmp_path))


def no_network(*_, **__):
    raise urllib.error.URLError("no network in tests")


def test_mnist_is_fetched_and_checked(tmp_path, monkeypatch):
    fake_mnist(tmp_path, monkeypatch)
    served = []

    def open_file(url, timeout):
        assert timeout <= 30
        served.append(url)
        return io.BytesIO((tmp_path / url.rsplit("/")[-1]).read_bytes())

    monkeypatch.setattr(urllib.request, "urlopen", open_file)
    mnist.download_mnist(tmp_path / "new")
    assert len(served) == 4
    np.testing.assert_array_equal(load_mnist(tmp_path / "new", "test")[0], load_mnist(tmp_path, "test")[0])
    mnist.download_mnist(tmp_path / "new")
    assert len(served) == 4  # what is there is not fetched again
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"another file"))
    with pytest.raises(InputError, match="train-images-idx3-ubyte.gz has the md5"):
        mnist.download_mnist(tmp_path / "other")
    assert not any((tmp_path / "other").iterdir())


def test_without_mnist_and_network_small_digits_take_its_place_loudly(tmp_path, monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    with pytest.warns(UserWarning, match="8 x 8 PIXELS"):
        dataset = morpho_mnist.make_dataset("", str(tmp_path), train_size=60, test_size=30, seed=0)
    assert dataset.name == "MorphoDigits"
    images = dataset.train.images
    assert images.shape == (60, 28, 28, 1) and images.max(axis=(1, 2, 3)).min() >= 60
    np.testing.assert_allclose(morpho_mnist.measure(images), dataset.train.labels)
    assert np.corrcoef(dataset.train.labels.T)[0, 1] > 0.7
    train, test = (mnist.small_digits(split) for split in ("train", "test"))
    assert len(train[0]) + len(test[0]) == 1797 and set(test[1]) == set(range(10))


def test_missing_and_wrong_mnist_files_are_named(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"neither train-images-idx3-ubyte nor"):
        load_mnist(tmp_path, "train")
    (tmp_path / "train-images-idx3-ubyte").write_bytes(bytes(100))
    with pytest.raises(InputError, match="has the md5 6d0bb00954ceb7fbee436bb55a8397a9"):
        load_mnist(tmp_path, "train")
    (tmp_path / "train-images-idx3-ubyte").unlink()
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match="not a readable gzip"):
        load_mnist(tmp_path, "train")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="choose another --config.data.data_dir"):
        morpho_mnist.make_dataset(str(tmp_path), str(tmp_path / "file"), 10, 10, 0)


def test_decorrelation_breaks_the_link_and_keeps_labels_true():
    images = np.stack([bar(w, 0.3) for w in np.linspace(2, 5, 60)])[..., None]
    labels = morpho_mnist.measure(images)
    new_images, new_labels = morpho_mnist.decorrelate(images, labels, np.random.default_rng(0))
    np.testing.assert_allclose(morpho_mnist.measure(new_images)[:, 1], new_labels[:, 1], atol=1.5)
    assert abs(np.corrcoef(new_labels.T)[0, 1]) < 0.3
    new_images, new_labels = pendulum.decorrelate(np.zeros((64, 32, 32, 3), np.uint8), SCENES, RNG)
    np.testing.assert_array_equal(new_images, pendulum.render(new_labels, 32))
    for column in range(4):
        np.testing.assert_array_equal(np.sort(new_labels[:, column]), np.sort(SCENES[:, column]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sobol", 32, 10, 10, 0), "sampling is 'sobol'"),
        (("continuous", 8, 10, 10, 0), "resolution is 8"),
        (("grid", 32, 9999, 10, 0), "train_size is 9999"),
    ],
)
def test_bad_pendulum_settings_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        pendulum.make_dataset(*arguments)


CIRCUITS = circuit.draw_labels(400, np.random.default_rng(2))


def test_circuit_lamps_follow_their_stated_distribution():
    arm = np.full(20_000, 0.5)  # right above the red button
    quantiles = np.random.default_rng(0).uniform(size=(20_000, 3))
    blue, green, red = circuit.lamps(arm, quantiles).T
    m = 0.2 + 0.6 * np.exp(-((0.35 / 0.15) ** 2))
    for lamp in (blue, green):
        assert abs(lamp.mean() - m) < 0.005
        assert abs(lamp.var() - m * (1 - m) / 6) < 0.002  # Beta(5 m, 5 (1 - m))
    assert abs(red.mean() - 0.8) < 0.005


def test_circuit_labels_are_read_from_pixels_in_any_combination():
    for labels in (CIRCUITS, circuit.decorrelate(np.zeros((1, 32, 32, 3)), CIRCUITS, RNG)[1]):
        for resolution in (32, 64):
            gap = np.abs(circuit.measure(circuit.render(labels, resolution)) - labels)
            assert gap.max() < 0.005


def test_circuit_counterfactuals_take_both_paths_and_keep_the_noise():
    def do(name, value):
        mask = np.tile([name == other for other in circuit.GRAPH.names], (len(CIRCUITS), 1))
        return circuit.true_counterfactual(CIRCUITS, mask, np.full(CIRCUITS.shape, value, np.float32))

    blue_set = do("blue", 0.9)
    np.testing.assert_array_equal(blue_set[:, [0, 2]], CIRCUITS[:, [0, 2]])
    assert (blue_set[:, 3] >= CIRCUITS[:, 3] - 1e-5)[CIRCUITS[:, 1] < 0.9].all()  # more light, more red
    # Away from the red button the arm moves red through blue and green alone: a two-hop effect.
    far = do("arm", 0.15)
    assert circuit.press(0.15, "red") < 0.005
    assert np.abs(far[:, 3] - CIRCUITS[:, 3]).mean() > 0.05
    np.testing.assert_allclose(do("arm", CIRCUITS[0, 0])[0], CIRCUITS[0], atol=1e-5)


def test_the_published_circuit_is_read_in_the_order_of_the_graph(tmp_path):
    published_circuit(tmp_path)
    dataset = causal_circuit.make_dataset(str(tmp_path), 16, train_size=20, test_size=5)
    assert dataset.name == "CausalCircuit" and dataset.true_counterfactual is None
    assert dataset.train.images.shape == (20, 16, 16, 3) and len(dataset.test) == 5
    levels = dataset.train.images[:, 8, 8, 0].astype(int)
    assert np.abs(levels - [*range(12), *range(100, 108)]).max() <= 2  # the first of each pair
    # In the file: red 0, green 1, blue 2, arm 3.
    np.testing.assert_allclose(dataset.train.labels[0], np.array([3, 2, 1, 0]) / 1000, rtol=1e-6)
    np.testing.assert_allclose(dataset.test.labels[1], (208 + np.array([3, 2, 1, 0])) / 1000, rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"imgs": np.full((12, 2), b"no picture")}, "image 0 of .*train-0.npz cannot be read"),
        ({"imgs": np.full((12, 2), b"x", object)}, "pickled objects are never loaded"),
        ({"imgs": np.zeros((12, 4, 4, 3), np.uint8)}, r"is uint8 of shape \(12, 4, 4, 3\)"),
        ({"original_latents": np.zeros((12, 4))}, r"expected floats \(12, 2, 4\) in the order red, green, blue, arm"),
        ({"original_latents": np.full((12, 2, 4), np.nan)}, "values that are not finite"),
    ],
)
def test_a_circuit_of_another_layout_is_refused(tmp_path, changes, message):
    published_circuit(tmp_path, **changes)
    with pytest.raises(InputError, match=message):
        causal_circuit.make_dataset(str(tmp_path), 16, 4, 4)


def test_a_missing_circuit_is_named(tmp_path):
    for folder, message in (("", "CausalCircuit is not shipped"), (str(tmp_path), r"has no train\*.npz")):
        with pytest.raises(InputError, match=message):
            causal_circuit.make_dataset(folder, 16, 4, 4)
    published_circuit(tmp_path)
    with pytest.raises(InputError, match="has 12 test images: use fewer"):
        causal_circuit.make_dataset(str(tmp_path), 16, 4, 40)
