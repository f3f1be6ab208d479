"""MNIST's files: fetched, checked, missing or wrong, and the small digits that need none."""

import gzip
import io
import urllib.error
import urllib.request

import numpy as np
import pytest
from fakes import fake_mnist

from cdae_jax.data import mnist
from cdae_jax.data.mnist import load_mnist
from cdae_jax.errors import InputError


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
    broken = bytearray(gzip.compress(bytes(range(256)) * 9))
    broken[14] ^= 0xFF  # the compressed data, which zlib alone looks at
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(broken)
    with pytest.raises(InputError, match="not a readable gzip"):
        load_mnist(tmp_path, "train")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made .*: choose another --config.data.data_dir"):
        mnist.download_mnist(tmp_path / "file" / "mnist")


def test_without_a_network_it_says_where_files_may_come_from(tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    with pytest.raises(mnist.NoNetworkError, match="could not be fetched .*no network in tests.*: set --config.data"):
        mnist.download_mnist(tmp_path)
    assert not list(tmp_path.iterdir())


def test_small_digits_look_like_mnists():
    train, test = (mnist.small_digits(split) for split in ("train", "test"))
    assert len(train[0]) + len(test[0]) == 1797 and set(test[1]) == set(range(10))
    images, digits = test
    assert images.shape == (297, 28, 28) and images.dtype == np.uint8 and digits.dtype == np.int32
    assert not images[:, :4].any() and not images[:, :, -4:].any() and images.max() > 200
