"""The light tunnel's files, as downloaded: what is read of them, and the sentence for every mistake."""

import dataclasses

import numpy as np
import pytest
from fakes import published_chamber

from cdae_jax.data import causal_chamber
from cdae_jax.data.pipeline import make_dataset
from cdae_jax.data.settings import CausalChamber
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph
from cdae_jax.presets.datasets import DATASETS

DATA = CausalChamber(name="causal_chamber", resolution=10)
GRAPH = CausalGraph.from_list([{"name": name, **spec} for name, spec in DATASETS["causal_chamber"]["graph"].items()])


def make(folder, graph=GRAPH, **changes):
    return causal_chamber.make_dataset(dataclasses.replace(DATA, **{"chamber_dir": str(folder)} | changes), graph)


def test_every_image_has_its_labels_and_what_was_set_by_its_experiment(tmp_path, capsys):
    published_chamber(tmp_path)
    dataset = make(tmp_path)
    assert (dataset.name, len(dataset.train), len(dataset.test), len(dataset.interventional)) == (
        *("light tunnel", 3 * 48),
        *(12, 2 * 12),
    )
    assert "scm_4_red: 60 images of 100 x 100 are resized to 10 x 10" in capsys.readouterr().out
    for split in (dataset.train, dataset.test, dataset.interventional):
        assert split.images.shape == (len(split), 10, 10, 3)
        np.testing.assert_array_equal(split.images[:, 5, 5], split.labels)
    assert not dataset.test.was_set.any()
    np.testing.assert_array_equal(dataset.interventional.was_set.sum(0), [12, 0, 12])
    np.testing.assert_array_equal(dataset.train.was_set.sum(0), [48, 0, 48])
    everything = np.concatenate([dataset.train.labels, dataset.test.labels, dataset.interventional.labels])
    assert len(np.unique(everything, axis=0)) > 170  # no image on two sides
    again = make(tmp_path)
    np.testing.assert_array_equal(again.test.labels, dataset.test.labels)
    assert not np.array_equal(make(tmp_path, seed=1).test.labels, dataset.test.labels)


def test_other_columns_other_experiments_and_none_that_sets_a_variable(tmp_path):
    published_chamber(tmp_path, experiments=("uniform",), size="200")
    graph = CausalGraph.from_list([{"name": "red"}, {"name": "ir_3", "parents": ["red"]}])
    data = dataclasses.replace(DATA, chamber_dir=str(tmp_path), reference="scm_4_uniform", interventions="", size="200")
    dataset = make_dataset(dataclasses.replace(data, validation_share=0.1), graph)
    assert dataset.interventional is None and len(dataset.validation) == 10  # a fifth of few
    np.testing.assert_array_equal(dataset.test.labels[:, 1], dataset.test.images[:, 0, 0].sum(1, dtype=int))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"chamber_dir": ""},
            "are not shipped: set --config.data.chamber_dir to the folder that they",
        ),
        ({"chamber_dir": "nowhere"}, "'nowhere', which has no folder 'lt_camera_v1': expected the root"),
        ({"dataset": "lt_camera_v2"}, "has no folder 'lt_camera_v2'"),
        ({"reference": "scm_7"}, "reference is 'scm_7': the experiments of .* are scm_4_blue, scm_4_red, scm_4_ref"),
        ({"interventions": "scm_4"}, r"interventions is 'scm_4': expected \{name\} in it, or ''"),
        ({"interventions": "do_{name}"}, "has no such experiment for any of red, green, blue"),
        ({"size": "50"}, "size is '50', but .*scm_4_reference has no images_50: it has images_100"),
        ({"test_fraction": 0.0}, "test_fraction is 0.0: of 60 images it takes 0; choose a number between 0 and 1"),
        ({"test_fraction": 1.5}, "test_fraction is 1.5: of 60 images it takes 90"),
    ],
)
def test_settings_that_the_folder_does_not_fit_are_named(tmp_path, changes, message):
    published_chamber(tmp_path)
    with pytest.raises(InputError, match=message):
        make(tmp_path, **changes)


def test_files_and_columns_that_are_missing_are_named(tmp_path):
    root = published_chamber(tmp_path)
    table = root / "scm_4_red" / "scm_4_red.csv"
    text = table.read_text()
    (root / "scm_4_red" / "images_100" / "7_iso_500.0.jpg").unlink()
    with pytest.raises(InputError, match=r"lacks 1 images of scm_4_red.csv \(7_iso_500.0.jpg\): download lt_camera_v1"):
        make(tmp_path)
    for wrong, message in (
        (text.replace("green", "grun", 1), "scm_4_red.csv has no column for green of the graph: its columns are "),
        (text.replace("image_file", "picture", 1), "has neither a column 'file' nor 'index'"),
        (text.replace("image_file", "index", 1), "scm_4_red.csv has no column 'image_file': its columns are"),
        (
            text.replace("camera,3,0,1,", "camera,3,0,1,dark", 1),
            "scm_4_red.csv has in the column .* 'red': 'dark[0-9]+' in row 58; expected a number",
        ),
    ):
        table.write_text(wrong)
        with pytest.raises(InputError, match=message):
            make(tmp_path)
    table.unlink()
    with pytest.raises(InputError, match="scm_4_red has no scm_4_red.csv: download lt_camera_v1 again"):
        make(tmp_path)
