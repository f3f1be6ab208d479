"""A folder of IDX files with a table beside them: what is read of it, and what is refused."""

import gzip

import numpy as np
import pandas as pd
import pytest

from cdae_jax.data.morpho_files import load_morpho_files
from cdae_jax.errors import InputError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 28, 28), np.uint8)
DIGITS = np.array([7, 2, 1, 0, 4], np.uint8)
LABELS = pd.DataFrame({"index": range(5), "thickness": np.linspace(1, 3, 5), "intensity": [70.0, 90, 120, 200, 250]})


def idx(array):
    """The bytes of an IDX file: the type and the number of axes, their lengths, big-endian, and the values."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def write(folder, table=LABELS, name="t10k-morpho.csv", images=IMAGES, digits=DIGITS):
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    if digits is not None:
        (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(digits))
    table.to_csv(folder / name, index=False)


def assert_read(found):
    np.testing.assert_array_equal(found.images[..., 0], IMAGES)
    np.testing.assert_array_equal(found.labels, LABELS[["thickness", "intensity"]].to_numpy(np.float32))
    np.testing.assert_array_equal(found.context, DIGITS)
    assert found.images.shape == (5, 28, 28, 1) and found.labels.dtype == np.float32 and found.context.dtype == np.int32


def test_images_labels_and_digits_belong_together_whatever_the_tables_order(tmp_path):
    write(tmp_path, LABELS.iloc[[3, 1, 0, 4, 2]])
    assert_read(load_morpho_files(tmp_path))


def test_a_table_of_another_name_without_index_may_hold_the_digits(tmp_path):
    write(tmp_path, LABELS.drop(columns="index").assign(digit=DIGITS), "labels.csv", digits=None)
    assert_read(load_morpho_files(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"table": LABELS.rename(columns={"intensity": "i"})}, "has no column 'intensity' but index, thickness, i"),
        ({"table": LABELS.iloc[:4]}, "has 5 images of 28 x 28 pixels and 4 rows"),
        ({"table": LABELS.assign(index=[0, 1, 2, 3, 3])}, 'the column "index" of .* is not 0 to 4'),
        ({"table": LABELS.assign(thickness=[1, 2, None, "x", 3])}, "has no number in 2 rows of 'thickness'"),
        ({"images": IMAGES[:, :20]}, "has 5 images of 20 x 28 pixels"),
        ({"digits": DIGITS[:3]}, "has 5 images and 3 digits"),
        ({"digits": DIGITS + 8}, "expected one of 0 to 9 for each"),
        ({"digits": None}, "has no column 'digit'"),
        ({"images": IMAGES[0]}, "t10k-images-idx3-ubyte in .* is no IDX file of bytes with 3 axes"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, changes, message):
    write(tmp_path, **changes)
    with pytest.raises(InputError, match=message):
        load_morpho_files(tmp_path)


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(InputError, match="has neither t10k-images-idx3-ubyte nor"):
        load_morpho_files(tmp_path)
    write(tmp_path)
    (tmp_path / "t10k-morpho.csv").rename(tmp_path / "a.csv")
    LABELS.to_csv(tmp_path / "b.csv")
    with pytest.raises(InputError, match="has no t10k-morpho.csv and 2 other .csv files"):
        load_morpho_files(tmp_path)
    (tmp_path / "t10k-morpho.csv").write_bytes(b"")
    with pytest.raises(InputError, match="t10k-morpho.csv cannot be read"):
        load_morpho_files(tmp_path)
    whole = idx(IMAGES)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(whole[:-1])
    with pytest.raises(InputError, match="is no IDX file of bytes with 3 axes"):
        load_morpho_files(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(whole[:6])
    with pytest.raises(InputError, match="is no IDX file of bytes with 3 axes"):
        load_morpho_files(tmp_path)
