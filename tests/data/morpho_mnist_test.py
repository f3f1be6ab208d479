"""MorphoMNIST: its true mechanism, its files, the digit as a variable, and what takes the files' place."""

import concurrent.futures
import functools
import urllib.error
import urllib.request

import numpy as np
import pytest
from fakes import bar, fake_mnist

from cdae_jax.commands.config import config_of
from cdae_jax.data import morpho_mnist
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.pipeline import make_dataset
from cdae_jax.errors import InputError
from cdae_jax.settings.run import Settings

RNG = np.random.default_rng(0)


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


def test_without_mnist_and_network_small_digits_take_its_place_loudly(tmp_path, monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    threads = concurrent.futures.ThreadPoolExecutor  # new interpreters take seconds to start
    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", lambda num, mp_context: threads(num))
    with pytest.warns(UserWarning, match="8 x 8 PIXELS"):
        dataset = morpho_mnist.make_dataset("", str(tmp_path), train_size=60, test_size=30, seed=0)
    assert dataset.name == "MorphoDigits"
    images = dataset.train.images
    assert images.shape == (60, 28, 28, 1) and images.max(axis=(1, 2, 3)).min() >= 60
    np.testing.assert_allclose(morpho_mnist.measure(images), dataset.train.labels)
    assert np.corrcoef(dataset.train.labels.T)[0, 1] > 0.7


def test_decorrelation_breaks_the_link_and_keeps_labels_true():
    images = np.stack([bar(w, 0.3) for w in np.linspace(2, 5, 60)])[..., None]
    labels = morpho_mnist.measure(images)
    new_images, new_labels = morpho_mnist.decorrelate(images, labels, np.random.default_rng(0))
    np.testing.assert_allclose(morpho_mnist.measure(new_images)[:, 1], new_labels[:, 1], atol=1.5)
    assert abs(np.corrcoef(new_labels.T)[0, 1]) < 0.3


def bars(num=20):
    images = np.stack([bar(w, 0.3) for w in np.linspace(2, 5, num)])[..., None]
    return Split(images, morpho_mnist.measure(images), np.arange(num, dtype=np.int32) % 10)


@pytest.mark.parametrize(("name", "num_classes"), [("morpho_mnist", 10), ("morpho_mnist_digit", 0)])
def test_the_graph_says_whether_the_digit_is_a_variable(name, num_classes, monkeypatch):
    plain = Dataset("MorphoMNIST", morpho_mnist.GRAPH, bars(), bars(), num_classes=10)
    monkeypatch.setattr(morpho_mnist, "make_dataset", lambda *_: plain)
    settings = Settings.from_dict(config_of(name, "smoke").to_dict())
    found = make_dataset(settings.data, settings.graph)
    assert found.graph.names == settings.graph.names and found.num_classes == num_classes
    assert found.test.labels.shape == (20, len(settings.graph)) and (found.test.context is None) == (num_classes == 0)
    assert found.graph.variables[-1].classes == settings.graph.variables[-1].classes
    np.testing.assert_array_equal(found.test.labels[:, :2], plain.test.labels)


def test_a_digit_that_is_a_variable_causes_nothing_and_is_not_measured():
    known = {"true_counterfactual": morpho_mnist.true_counterfactual, "decorrelate": morpho_mnist.decorrelate}
    plain = Dataset("MorphoMNIST", morpho_mnist.GRAPH, bars(), bars(), num_classes=10, **known)
    found = morpho_mnist.with_digit(plain)
    labels, digits = found.test.labels, plain.test.context
    assert labels.dtype == np.float32
    np.testing.assert_array_equal(labels[:, 2], digits)
    for column in range(3):
        mask = np.tile(np.arange(3) == column, (20, 1))
        after = found.true_counterfactual(labels, mask, np.full((20, 3), 2.0, np.float32))
        assert (after[:, column] == 2).all()
        if column < 2:
            without = plain.true_counterfactual(labels[:, :2], mask[:, :2], np.full((20, 2), 2.0, np.float32))
            np.testing.assert_array_equal(after[:, :2], without)
            np.testing.assert_array_equal(after[:, 2], digits)
        else:
            np.testing.assert_array_equal(after[:, :2], labels[:, :2])
    read = found.measure(found.test.images)
    np.testing.assert_array_equal(read[:, :2], labels[:, :2])
    assert np.isnan(read[:, 2]).all()
    images, free = found.decorrelate(found.test.images, labels, np.random.default_rng(0))
    np.testing.assert_array_equal(free[:, [0, 2]], labels[:, [0, 2]])
    assert (free[:, 1] != labels[:, 1]).any() and images.shape == found.test.images.shape
