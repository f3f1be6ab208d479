"""CelebA's files, as published and as on Kaggle: what is read of them, and the sentence for every mistake."""

import dataclasses

import numpy as np
import pytest
from devices import one_device
from fakes import published_celeba
from PIL import Image

from cdae_jax.data import celeba
from cdae_jax.data.image_files import ImageFiles
from cdae_jax.data.settings import CelebA
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph
from cdae_jax.presets.datasets import DATASETS
from cdae_jax.settings.run import Settings
from cdae_jax.training.loop import train_model
from configs.celeba import get_config

DATA = CelebA(name="celeba", resolution=10, train_size=54, test_size=20)
LEVELS = 2 * np.arange(84)


def graph_of(name="celeba_simple", **more):
    return CausalGraph.from_list([{"name": var, **spec} for var, spec in (DATASETS[name]["graph"] | more).items()])


def make(folder, graph=None, **changes):
    return celeba.make_dataset(dataclasses.replace(DATA, celeba_dir=str(folder), **changes), graph or graph_of())


def assert_levels(images, expected):
    """That each image is a square of one grey level, as far as JPEG keeps it."""
    assert np.abs(np.asarray(images).astype(int) - expected[:, None, None, None]).max() <= 4


@pytest.mark.parametrize("form", [".txt", ".csv"])
def test_the_square_at_the_centre_is_read_with_its_attributes_by_the_partition(tmp_path, form, capsys):
    published_celeba(tmp_path, form=form)
    dataset = make(tmp_path)
    assert (dataset.name, dataset.graph.names) == ("CelebA", ("Smiling", "Eyeglasses"))
    assert "cropped at the centre to 150 x 150 and resized to 10 x 10" in capsys.readouterr().out
    for split, rows in ((dataset.train, np.arange(54)), (dataset.test, np.arange(64, 84))):
        assert split.images.shape == (len(rows), 10, 10, 3)
        assert_levels(split.images, LEVELS[rows])
        np.testing.assert_array_equal(split.labels, np.stack([rows % 2 > 0, rows % 3 > 0], 1))
        assert not split.was_set.any()


def test_sizes_take_the_first_images_and_the_validation_may_be_tested_on(tmp_path):
    published_celeba(tmp_path)
    dataset = make(tmp_path, graph_of("celeba"), train_size=50, test_size=6, tested="validation", crop=178)
    assert dataset.graph.parents == ((), (), (0, 1), (0, 1))
    rows = np.arange(54, 60)
    np.testing.assert_array_equal(dataset.test.labels, np.stack([rows % every > 0 for every in (2, 5, 7, 11)], 1))
    assert_levels(dataset.test.images[:, 3:7, 3:7], LEVELS[rows])
    assert np.abs(dataset.train.images[:, :, 0].astype(int)).max() < 0.3 * LEVELS[50]  # mostly what 150 leaves out
    assert len(dataset.train) == 50


def test_images_that_do_not_fit_in_memory_are_read_as_they_are_needed(tmp_path):
    published_celeba(tmp_path)
    dataset = make(tmp_path, max_memory_gib=1e-9)
    assert isinstance(dataset.train.images, ImageFiles)
    assert_levels(dataset.train.images[:5], LEVELS[:5])


@pytest.mark.parametrize(
    ("changes", "more", "message"),
    [
        ({"celeba_dir": ""}, {}, "CelebA is not shipped: set --config.data.celeba_dir to the folder that holds it"),
        ({"celeba_dir": "nowhere"}, {}, "'nowhere' has no img_align_celeba: set --config.data.celeba_dir"),
        (
            {"train_size": 55},
            {},
            r"train_size is 55, but .*partition.txt has 54 images for train: use fewer",
        ),
        ({"tested": "validation"}, {}, r"config.data.test_size is 20, but .* has 10 images for validation: use fewer"),
        ({"crop": 0}, {}, "config.data.crop is 0: expected 1 to 178 pixels"),
        ({"crop": 179}, {}, "config.data.crop is 179: expected 1 to 178 pixels"),
        ({}, {"Beard": {"kind": "binary"}}, r"list_attr_celeba.txt has no column for Beard .*: its columns are file, "),
    ],
)
def test_what_the_files_do_not_have_is_named(tmp_path, changes, more, message):
    published_celeba(tmp_path)
    with pytest.raises(InputError, match=message):
        celeba.make_dataset(dataclasses.replace(DATA, **{"celeba_dir": str(tmp_path)} | changes), graph_of(**more))


def test_files_that_are_missing_or_do_not_fit_together_are_named(tmp_path):
    faces = published_celeba(tmp_path)
    attributes, partition = tmp_path / "list_attr_celeba.txt", tmp_path / "list_eval_partition.txt"
    whole, parts = attributes.read_text(), partition.read_text()
    attributes.rename(tmp_path / "away")
    with pytest.raises(InputError, match="has no list_attr_celeba.txt or .csv: set --config.data.celeba_dir"):
        make(tmp_path)
    attributes.write_text(whole.replace("000002.jpg  1", "000002.jpg  yes"))
    with pytest.raises(InputError, match="'yes' in row 4; expected one of -1, 1"):
        make(tmp_path)
    attributes.write_text(whole)
    partition.write_text(parts.replace("000003.jpg 0", "000003.jpg 3").replace("000084.jpg 2\n", ""))
    with pytest.raises(InputError, match=r"no 0, 1 or 2 for 2 images of the attributes \(000003.jpg, 000084.jpg\)"):
        make(tmp_path)
    partition.write_text(parts)
    Image.new("RGB", (64, 64)).save(faces / "000001.jpg")
    with pytest.raises(InputError, match="are of 64 x 64 pixels, not of 178 x 218: expected the aligned ones"):
        make(tmp_path)
    (faces / "000001.jpg").unlink()
    with pytest.raises(InputError, match="1 rows of the table have no image in .*img_align_celeba: 000001.jpg"):
        make(tmp_path)


def test_the_smoke_config_trains(tmp_path):
    published_celeba(tmp_path)
    config = get_config("smoke")
    config.data.update({"celeba_dir": str(tmp_path), "train_size": 54, "test_size": 20})
    config.train.update({"steps": 6, "batch_size": 8})  # an epoch
    with one_device():
        folder = train_model(Settings.from_dict(config.to_dict()), tmp_path / "run")
    assert (folder / "train.json").is_file()
