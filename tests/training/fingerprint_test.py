"""Fingerprints of data: the same for the same data wherever it lies, others for whatever changes in it."""

import dataclasses
import shutil

import numpy as np
import pytest
from PIL import Image
from stripes import world

from cdae_jax.data.dataset import Split
from cdae_jax.data.framing import Framing
from cdae_jax.data.image_files import ImageFiles
from cdae_jax.training.fingerprint import changes, digest_of_images, fingerprint, lacks_rows

KNOWN = {"true_counterfactual": None, "render": None, "measure": None}
DATA = world(30, **KNOWN)


def changed(**arrays):
    """The data with other arrays in its training split."""
    return dataclasses.replace(DATA, train=dataclasses.replace(DATA.train, **arrays))


def test_data_that_settings_decide_need_none():
    assert fingerprint(world()) is None


def test_the_same_data_has_the_same_whatever_the_type_of_its_labels():
    unlabelled = DATA.train.labels.copy()
    unlabelled[3] = np.nan
    found = [fingerprint(changed(labels=unlabelled.astype(kind))) for kind in (np.float32, np.float64)]
    assert found[0] == found[1] and changes(*found) == []


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (changed(labels=DATA.train.labels + np.eye(30, 3, dtype=np.float32)), ["labels of the training split"]),
        (changed(images=255 - DATA.train.images), ["images of the training split"]),
        (changed(intervened=np.ones((30, 3), bool)), ["labels of the training split"]),
        (changed(context=np.ones(30, np.int32)), ["labels of the training split"]),
        (
            world(30, seed=1, **KNOWN),
            [f"{what} of the {s} split" for s in ("training", "test") for what in ("labels", "images")],
        ),
        (dataclasses.replace(DATA, test=DATA.test.take(slice(0, 20))), ["30 test images are now 20"]),
        (changed(images=DATA.train.images.reshape(30, 9, 36, 1)), ["images of the training split"]),
    ],
)
def test_what_changed_is_named(data, told):
    assert changes(fingerprint(DATA), fingerprint(data)) == told


def test_validation_images_count_where_there_are_any():
    held = dataclasses.replace(DATA, validation=DATA.test)
    before = fingerprint(held)
    assert set(before) == {"train", "validation", "test"} and changes(before, fingerprint(held)) == []
    assert changes(fingerprint(DATA), fingerprint(DATA)) == []  # as of runs from before there were any
    assert changes(before, fingerprint(DATA)) == ["30 validation images are now 0"]
    other = dataclasses.replace(held, validation=dataclasses.replace(DATA.test, labels=DATA.test.labels + 1))
    assert changes(before, fingerprint(other)) == ["labels of the validation split"]


def on_disk(folder):
    files = ImageFiles(sorted(folder.rglob("*.png")), Framing(18, 1))
    return dataclasses.replace(DATA, train=Split(files, DATA.train.labels))


def test_files_on_disk_count_by_name_and_bytes_and_not_by_place(tmp_path):
    (tmp_path / "a" / "deep").mkdir(parents=True)
    for i, image in enumerate(DATA.train.images):
        Image.fromarray(image[..., 0]).save(tmp_path / "a" / ("deep" if i % 2 else "") / f"{i:02d}.png")
    copy = shutil.copytree(tmp_path / "a", tmp_path / "elsewhere" / "b")
    before = fingerprint(on_disk(tmp_path / "a"))
    assert fingerprint(on_disk(copy)) == before
    (copy / "deep" / "01.png").rename(copy / "deep" / "01b.png")
    assert changes(before, fingerprint(on_disk(copy))) == ["images of the training split"]
    (copy / "deep" / "01b.png").rename(copy / "deep" / "01.png")
    Image.fromarray(np.zeros((18, 18), np.uint8)).save(copy / "00.png")
    assert changes(before, fingerprint(on_disk(copy))) == ["images of the training split"]


def test_labels_that_were_there_are_missed():
    names, rows = DATA.graph.names, DATA.train.labels[:20]
    assert not lacks_rows(DATA, names, rows.astype(np.float64))
    assert not lacks_rows(DATA, names[::-1], rows[:, ::-1])
    assert lacks_rows(DATA, names, rows + 1)


def test_a_file_that_is_rewritten_at_the_same_size_has_changed(tmp_path):
    for i, image in enumerate(DATA.train.images):
        Image.fromarray(image[..., 0]).save(tmp_path / f"{i:02d}.bmp")
    files = ImageFiles(sorted(tmp_path.glob("*.bmp")), Framing(18, 1))
    before, size = digest_of_images(files), files.paths[3].stat().st_size
    Image.fromarray(255 - DATA.train.images[3, ..., 0]).save(files.paths[3])
    assert files.paths[3].stat().st_size == size and digest_of_images(files) != before


def test_images_in_which_variables_were_set_count(tmp_path):
    real = dataclasses.replace(DATA, interventional=DATA.test)
    other = dataclasses.replace(DATA, interventional=dataclasses.replace(DATA.test, labels=DATA.test.labels + 1))
    assert changes(fingerprint(real), fingerprint(other)) == ["labels of the interventional split"]
    assert changes(fingerprint(DATA), fingerprint(real)) == []  # as of runs from before they counted
