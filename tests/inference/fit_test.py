"""`cdae_jax.fit`: what it takes, what it stores, how it goes on, and what it refuses before any training."""

import gc
import pathlib

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from devices import one_device
from PIL import Image

import cdae_jax
from cdae_jax.data.graph_files import read_graph
from cdae_jax.data.kinds import resolve_kinds
from cdae_jax.errors import InputError
from cdae_jax.inference import fit as module
from cdae_jax.inference.fit import settings_of
from cdae_jax.training.budget import StepTime

NUM = 90
SIZE = np.random.default_rng(0).uniform(2, 6, NUM)
GRAPH = {"glow": ["size"], "size": []}
TINY = {
    "data.resolution": 16,
    "train.steps": 2,
    "train.batch_size": 8,
    "data.num_evaluated": 4,
    "data.validation_share": 0,
}


def pictures():
    """Wide images of a bright bar as high as the size says, no two alike."""
    stack = np.random.default_rng(2).integers(0, 40, (NUM, 12, 20, 3), np.uint8)
    for image, size in zip(stack, SIZE, strict=True):
        image[: round(size)] += 160
    return stack


def table(**columns):
    animal = np.where(SIZE > 4, "dog", "cat").astype(object)
    animal[:5] = None
    return pd.DataFrame({"size": SIZE, "glow": SIZE / 2 + np.sin(np.arange(NUM)), "animal": animal} | columns)


def brought(images, labels, folder, graph=GRAPH):
    """The dataset that a call would train on."""
    data = settings_of("smoke", "ours", read_graph(graph), TINY | {"data.images": "-", "data.labels": "-"}).data
    paths = module._paths_of(images, labels, folder, data)
    changes = TINY | {f"data.{name.removeprefix('data.')}": value for name, value in paths.items()}
    settings = settings_of("smoke", "ours", read_graph(graph), changes)
    return module.make_dataset(settings.data, resolve_kinds(settings.data, settings.graph))


def labels_by_brightness(dataset):
    """(bright rows of an image, its label of size) of every labelled training image."""
    rows = [(int((image[:, 8, 0] > 100).sum()), size) for image, size in zip(*_parts(dataset), strict=True)]
    return np.array([row for row in rows if np.isfinite(row[1])])


def _parts(dataset):
    return np.asarray(dataset.train.images[np.arange(len(dataset.train))]), dataset.train.labels[:, 1]


@pytest.mark.parametrize("kind", ["array", "floats", "pictures", "paths", "folder"])
@pytest.mark.parametrize("labels", ["frame", "shuffled", "file"])
def test_rows_and_images_find_each_other_however_they_are_given(kind, labels, tmp_path):
    (tmp_path / "photos").mkdir()
    paths = [tmp_path / "photos" / f"{i}.png" for i in range(NUM)]
    for path, image in zip(paths, pictures(), strict=True):
        Image.fromarray(image).save(path)
    images = {
        "array": pictures(),
        "floats": pictures() / 255,
        "pictures": [Image.fromarray(image) for image in pictures()],
        "paths": paths,
        "folder": tmp_path / "photos",
    }[kind]
    named = kind in ("paths", "folder")
    given = table(file=[path.name for path in paths]) if named else table(index=np.arange(NUM))
    order = np.random.default_rng(1).permutation(NUM)
    if labels == "frame":
        given = given.set_index("file") if named else given.drop(columns="index")
        given.index.name = None if kind == "folder" else given.index.name
    elif labels == "shuffled":
        given = given.iloc[order]
    else:
        given.iloc[order].to_csv(tmp_path / "labels.csv", index=False, sep=";", decimal=",")
        given = tmp_path / "labels.csv"
    pairs = labels_by_brightness(brought(images, given, tmp_path / "run"))
    assert len(pairs) > 40
    # 12 rows of the image become 16.
    assert np.abs(pairs[:, 0] - np.round(pairs[:, 1]) * 16 / 12).max() <= 1


def test_files_cannot_be_told_apart_in_an_array(tmp_path):
    with pytest.raises(InputError, match="by a column 'file', but no paths were given: name them by 'index'"):
        brought(pictures(), table(file=[f"{i}.png" for i in range(NUM)]), tmp_path)


def test_an_index_that_says_whose_labels_a_row_has_is_followed(tmp_path):
    order = np.random.default_rng(3).permutation(NUM)
    paths = [tmp_path / f"{i}.png" for i in range(NUM)]
    for path, image in zip(paths, pictures(), strict=True):
        Image.fromarray(image).save(path)
    by_name = table(file=[path.name for path in paths]).set_index("file").iloc[order]
    by_number = table().rename_axis("index").iloc[order]
    for images, given in ((paths, by_name), (paths, by_name.rename_axis(None)), (pictures(), by_number)):
        pairs = labels_by_brightness(brought(images, given, tmp_path / "run"))
        assert np.abs(pairs[:, 0] - np.round(pairs[:, 1]) * 16 / 12).max() <= 1


def test_an_index_in_no_order_is_asked_about(tmp_path):
    with pytest.raises(InputError, match="is in no order, as after sorting or sampling: call it 'index' if"):
        brought(pictures(), table().sample(frac=1, random_state=0), tmp_path)


def test_series_in_a_mapping_count_by_their_order(tmp_path):
    columns = {name: pd.Series(column.to_numpy(), np.arange(NUM)[::-1]) for name, column in table().items()}
    pairs = labels_by_brightness(brought(pictures(), columns, tmp_path))
    assert np.abs(pairs[:, 0] - np.round(pairs[:, 1]) * 16 / 12).max() <= 1


@pytest.mark.parametrize("labels", [np.zeros((NUM, 2)), {"size": 3.0}, {"size": [1.0], "glow": [1.0, 2.0]}])
def test_labels_of_another_form_are_refused(labels, tmp_path):
    with pytest.raises(InputError, match="expected a table's path, a DataFrame, or a mapping"):
        brought(pictures(), labels, tmp_path)


def test_another_number_of_labels_than_of_images_is_refused(tmp_path):
    with pytest.raises(InputError, match="there are 90 images and 89 rows of labels: expected one row for each, or"):
        brought(pictures(), table()[1:], tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 3, "minutes": 1}, r"steps \(3\) and minutes \(1\) are both given"),
        ({"minutes": 0}, "minutes is 0: expected a number above 0"),
        ({"size": "huge"}, "there is no size 'huge'"),
        ({"method": "our"}, "there is no method 'our'.*did you mean 'ours'"),
        ({"changes": {"train.stepz": 3}}, "stepz"),
        ({"changes": {"batch_size": 3}}, "changes names 'batch_size': expected a section and a field"),
        ({"graph": {"glow": "size"}}, "the parents of .*'glow'.*expected a list"),
        ({"graph": {"glow": ["hidden"], "hidden": []}}, "no column for hidden of the graph.*hidden causes"),
    ],
)
def test_mistakes_are_named_before_any_work_and_leave_nothing(options, message, tmp_path, monkeypatch):
    monkeypatch.setattr(module.tempfile, "mkdtemp", lambda prefix: str(tmp_path / "run"))
    monkeypatch.setattr(module, "train_model", lambda settings, *_, **__: settings.resolved())
    graph = options.pop("graph", GRAPH)
    with pytest.raises(InputError, match=message):
        cdae_jax.fit(pictures(), table(), graph, **options)
    assert not list(tmp_path.iterdir())


def test_minutes_become_steps_by_the_time_of_one_and_stay_when_the_run_goes_on(tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(module, "seconds_per_step", lambda settings, dataset: StepTime(0.5, 10.0))
    monkeypatch.setattr(module, "train_model", lambda settings, *_, **__: asked.append(settings.train.steps))
    monkeypatch.setattr(module, "load", lambda _: None)
    cdae_jax.fit(pictures(), table(), GRAPH, size="smoke", minutes=1, workdir=tmp_path / "run")
    assert asked == [100]
    (tmp_path / "run" / "config.json").write_text('{"train": {"steps": 77}}')
    capsys.readouterr()
    cdae_jax.fit(pictures(), table(), GRAPH, size="smoke", minutes=5, workdir=tmp_path / "run")
    assert "keeps its 77 steps, whatever the minutes: for more, ask for steps" in capsys.readouterr().out
    assert asked == [100, 77]


def test_from_arrays_a_table_and_a_graph_to_a_counterfactual_and_a_report(tmp_path):
    graph = nx.DiGraph([("size", "glow"), ("size", "animal")])
    with one_device():
        model = cdae_jax.fit(pictures(), table(), graph, size="smoke", changes=TINY)
        workdir = model.workdir
        assert model.step == 2 and workdir.is_dir()
        new = model.prepare(pictures()[:3])
        assert model.counterfactual(new, {"animal": "cat"}).images.shape == (3, 16, 16, 3)
        again = cdae_jax.fit(pictures(), table(), graph, size="smoke", changes=TINY, workdir=workdir)
        assert again.step == 2
        with pytest.raises(InputError, match="was started with other labels: choose another workdir"):
            cdae_jax.fit(pictures(), table(size=SIZE + 1), graph, size="smoke", changes=TINY, workdir=workdir)
        with pytest.raises(InputError, match="was started with other images"):
            cdae_jax.fit(255 - pictures(), table(), graph, size="smoke", changes=TINY, workdir=workdir)
        report = cdae_jax.evaluate(model, parts=["interventions"])
    assert str(report) == (workdir / "report.md").read_text() == report._repr_markdown_()
    assert set(report["effectiveness"]) == {"do(size)", "do(glow)", "do(animal)"}
    del model
    gc.collect()
    assert not workdir.exists()  # it was temporary


def test_a_model_without_a_workdir_has_nothing_to_be_evaluated_on():
    with pytest.raises(InputError, match="comes from a file without its data"):
        cdae_jax.evaluate(cdae_jax.load("pendulum"))


def test_paths_that_are_given_stay_where_they_are(tmp_path):
    data = settings_of("smoke", "ours", read_graph(GRAPH), {"data.images": "-", "data.labels": "-"}).data
    found = module._paths_of("photos", pathlib.Path("labels.xlsx"), tmp_path, data)
    assert found == {"data.images": "photos", "data.labels": "labels.xlsx"}
    assert not list(tmp_path.iterdir())


def test_files_of_the_user_are_left_alone(tmp_path):
    """A folder with other files is refused before anything is stored in it."""
    for folder, name in ((tmp_path / "mixed", "notes.txt"), (tmp_path / "old", "data/images.npy")):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("mine")
        with pytest.raises(InputError, match="is a file or a folder with other files"):
            cdae_jax.fit(pictures(), table(), GRAPH, size="smoke", changes=TINY, workdir=folder)
        assert [path.read_text() for path in folder.rglob("*") if path.is_file()] == ["mine"]


def test_classes_whose_words_look_like_missing_labels_reach_training(tmp_path):
    grade = np.resize(["none", "mild", "severe"], NUM)
    graph = {"grade": {"values": ["none", "mild", "severe"]}, "size": {"parents": ["grade"]}}
    dataset = brought(pictures(), table(grade=grade), tmp_path, graph)
    column = dataset.graph.index("grade")
    codes = np.concatenate([split.labels[:, column] for split in (dataset.train, dataset.test)])
    assert np.isfinite(codes).all() and (np.bincount(codes.astype(int)) == NUM // 3).all()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"steps": "100"}, "config.train.steps is '100': expected"),
        ({"steps": "100", "method": "paper"}, "config.train.steps is '100': expected"),
        ({"minutes": float("inf")}, "minutes is inf: expected a number above 0"),
        ({"minutes": 5, "changes": {"train.steps": 9}}, "changes names train.steps, and steps or minutes is given too"),
        ({"steps": 5, "changes": {"train.steps": 9}}, "changes names train.steps, and steps or minutes is given too"),
    ],
)
def test_lengths_of_training_are_checked(asked, message, tmp_path):
    with pytest.raises(InputError, match=message):
        cdae_jax.fit(pictures(), table(), GRAPH, workdir=tmp_path / "run", **asked)
    assert not list(tmp_path.iterdir())
