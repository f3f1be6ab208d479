"""Images stored as arrays: what is read, and the sentence for every file that is broken or holds something else."""

import pickle

import numpy as np
import pytest

from cdae_jax.data.image_arrays import check_stack, load_array, load_context
from cdae_jax.errors import InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 6, 7)).astype(np.uint8)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_file_has_images_by_name_or_as_its_only_array_of_images(tmp_path, save):
    path = tmp_path / "images.npz"
    save(path, images=IMAGES, others=IMAGES[::-1], context=np.arange(5))
    np.testing.assert_array_equal(load_array(path), IMAGES)
    np.testing.assert_array_equal(load_context(path), np.arange(5))
    save(path, x=IMAGES, y=np.arange(5), table=np.zeros((5, 2)))
    np.testing.assert_array_equal(load_array(path), IMAGES)
    assert load_context(path) is None


def test_an_npy_file_is_not_read_into_memory_at_once(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    found = load_array(tmp_path / "images.npy")
    assert isinstance(found, np.memmap) and load_context(tmp_path / "images.npy") is None
    np.testing.assert_array_equal(found, IMAGES)


def test_an_npz_file_without_images_says_what_it_has(tmp_path):
    """The names of MedMNIST."""
    path = tmp_path / "medmnist.npz"
    np.savez(path, train_images=IMAGES, val_images=IMAGES, train_labels=np.arange(5)[:, None])
    with pytest.raises(InputError, match="no array 'images', but 'train_images', 'val_images', 'train_labels': save"):
        load_array(path)
    np.savez(path)
    with pytest.raises(InputError, match="but none at all: save"):
        load_array(path)


def damaged(data):
    """Copies that broke off, that have a byte flipped, and that are something else."""
    rng = np.random.default_rng(1)
    yield from (data[: int(length)] for length in rng.integers(0, len(data), 25))
    for place in rng.integers(0, len(data), 200):
        yield data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
    yield from (b"", b"precious", pickle.dumps(IMAGES), b"PK\x03\x04" + data)


@pytest.mark.parametrize("name", ["plain.npz", "compressed.npz", "plain.npy"])
def test_a_broken_file_ends_in_one_sentence(tmp_path, name):
    path = tmp_path / name
    if name == "plain.npy":
        np.save(path, IMAGES)
    else:
        (np.savez_compressed if name == "compressed.npz" else np.savez)(path, images=IMAGES, context=np.arange(5))
    data, refused = path.read_bytes(), 0
    for content in damaged(data):
        path.write_bytes(content)
        try:
            load_array(path)
            load_context(path)
        except InputError as err:
            refused += "\n" not in str(err)
    assert refused > 25


def test_pickled_objects_are_never_loaded(tmp_path):
    for name, save in (("a.npz", lambda path: np.savez(path, images=np.array([{}]))), ("a.npy", None)):
        path = tmp_path / name
        np.save(path, np.array([{}]), allow_pickle=True) if save is None else save(path)
        with pytest.raises(InputError, match=r"cannot be read as \.np. \(.*[Oo]bject.*without pickled objects"):
            load_array(path)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            np.zeros((5, 3, 8, 8), np.uint8),
            r"\(5, 3, 8, 8\), the channels first: give np.moveaxis\(images, 1, -1\)",
        ),
        (np.zeros((5, 1, 8, 8), np.uint8), "the channels first"),
        (np.zeros((5, 8, 8, 2), np.uint8), "expected uint8, uint16, bool, or floats from 0 to 1 of shape"),
        (np.zeros((5, 8), np.uint8), "expected uint8"),
        (np.zeros((0, 8, 8), np.uint8), "expected uint8"),
        (np.zeros((5, 8, 8), complex), "are complex128 of shape"),
    ],
)
def test_other_arrays_are_refused(images, message):
    with pytest.raises(InputError, match=message):
        check_stack(images, "memory")
    for right in ((5, 8, 8), (5, 8, 8, 1), (5, 3, 8, 3), (5, 8, 8, 4)):
        check_stack(np.zeros(right), "memory")
