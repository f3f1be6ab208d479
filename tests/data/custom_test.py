"""The user's own data: what is read, and the sentence for every mistake."""

import csv
import dataclasses
import json

import numpy as np
import pytest
import tensorflow_datasets as tfds
from devices import one_device
from PIL import Image

from cdae_jax.commands.make_example import write_example
from cdae_jax.data import custom, tfds_builders
from cdae_jax.data.dataset import Split
from cdae_jax.data.image_files import ImageFiles
from cdae_jax.data.pipeline import batches
from cdae_jax.data.settings import Custom
from cdae_jax.errors import InputError
from cdae_jax.evaluation.evaluate import evaluate
from cdae_jax.evaluation.judge import fingerprint
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.inference.loading import load
from cdae_jax.settings.run import Settings
from cdae_jax.training.loop import train_model
from configs.custom import get_config

GRAPH = CausalGraph(
    (
        Variable("width"),
        Variable("tall", ("width",), kind="binary"),
        Variable("digit", ("width",), kind="categorical", classes=3),
    )
)
NUM = 80


@pytest.fixture
def folder(tmp_path):
    """80 grey images of 8 x 8, the i-th all i, and their table; every tenth row has no digit."""
    (tmp_path / "images" / "more").mkdir(parents=True)
    rows = [["file", "width", "tall", "digit", "part"]]
    for i in range(NUM):
        name = f"more/{i}.png" if i % 2 else f"{i}.jpg"
        Image.fromarray(np.full((8, 8), i, np.uint8)).save(tmp_path / "images" / name, quality=100)
        rows.append([name, i / 10, i % 2, "" if i % 10 == 0 else i % 3, "test" if i < 20 else "train"])
    write(tmp_path, rows)
    return tmp_path


def write(folder, rows):
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def rows_of(folder):
    with (folder / "labels.csv").open(newline="") as file:
        return list(csv.reader(file))


def by_index(folder):
    """Names the images by their row in an array."""
    rows = rows_of(folder)
    write(folder, [["index", *rows[0][1:]]] + [[i, *row[1:]] for i, row in enumerate(rows[1:])])


def make(folder, graph=GRAPH, images="images", **changes):
    data = Custom(
        name="custom", resolution=8, images=str(folder / images), labels=str(folder / "labels.csv"), **changes
    )
    return in_order(custom.make_dataset(data, graph))


def in_order(dataset):
    """Every split by its first label, which grows from row to row of the tables here; those without it come last."""
    splits = {}
    for name in ("train", "validation", "test", "interventional"):
        if (split := getattr(dataset, name)) is not None:
            rows = np.argsort(split.labels[:, 0], kind="stable")
            select = split.images.select if isinstance(split.images, ImageFiles) else split.images.__getitem__
            splits[name] = Split(select(rows), split.labels[rows], intervened=split.was_set[rows])
    return dataclasses.replace(dataset, **splits)


def test_a_folder_is_read_with_its_labels(folder):
    dataset = make(folder, split_column="part")
    assert dataset.test.images.shape == (20, 8, 8, 1) and dataset.train.images.dtype == np.uint8
    for split, first in ((dataset.test, 0), (dataset.train, 20)):
        assert np.abs(split.images[:, 0, 0, 0].astype(int) - np.arange(first, first + len(split))).max() <= 1  # JPEG
        np.testing.assert_allclose(split.labels[:, 0], np.arange(first, first + len(split)) / 10, rtol=1e-6)
    assert np.isnan(dataset.test.labels[[0, 10], 2]).all() and dataset.test.labels[4, 2] == 1


def test_an_npz_file_reads_the_same_and_the_split_follows_the_seed(folder):
    images = np.arange(NUM, dtype=np.uint8)[:, None, None] * np.ones((1, 8, 8), np.uint8)
    np.savez(folder / "images.npz", images=images)
    by_index(folder)
    first, again, other = (make(folder, images="images.npz", seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.test.images, again.test.images)
    assert not np.array_equal(first.test.images, other.test.images)
    np.testing.assert_allclose(first.train.images[:, 0, 0, 0] / 10, first.train.labels[:, 0], rtol=1e-6)
    both = np.concatenate([first.train.labels[:, 0], first.test.labels[:, 0]])
    np.testing.assert_allclose(np.sort(both), np.arange(NUM) / 10, rtol=1e-6)


def test_a_folder_larger_than_the_memory_is_read_as_needed(folder):
    whole, streamed = (make(folder, split_column="part", max_memory_gib=gib) for gib in (4.0, 1e-9))
    assert isinstance(streamed.train.images, ImageFiles) and streamed.train.images.shape == whole.train.images.shape
    np.testing.assert_array_equal(np.asarray(streamed.test.images), whole.test.images)
    np.testing.assert_array_equal(streamed.train.labels, whole.train.labels)
    assert fingerprint(whole, 1) == fingerprint(streamed, 1)
    pairs = zip(batches(whole.train, 0, 9, 16, 0), batches(streamed.train, 0, 9, 16, 0), strict=True)
    for in_memory, from_disk in pairs:
        np.testing.assert_array_equal(from_disk.images, in_memory.images)
    (folder / "images" / "2.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"the image .*2\.jpg cannot be read"):
        np.asarray(streamed.test.images)
    with pytest.raises(InputError, match=r"the image .*2\.jpg cannot be read"):
        list(batches(streamed.test, 0, 9, 16, 0))


def test_images_are_resized_by_averaging(folder):
    checks = np.indices((8, 8)).sum(0) % 2 * 200
    Image.fromarray(checks.astype(np.uint8)).save(folder / "images" / "more" / "1.png")
    data = Custom(
        name="custom",
        resolution=4,
        images=str(folder / "images"),
        labels=str(folder / "labels.csv"),
        split_column="part",
    )
    assert (in_order(custom.make_dataset(data, GRAPH)).test.images[1] == 100).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: (f / "images" / "2.jpg").unlink(),
            r"1 rows of the table have no image in .*: 2\.jpg; what is there: 0.jpg",
        ),
        (lambda f: (f / "images" / "4.jpg").write_bytes(b"no image"), r"1 images in .* cannot be read: 4\.jpg"),
        (lambda f: truncate(f / "images" / "more" / "5.png"), r"cannot be read: more/5\.png"),
        (lambda f: Image.new("LAB", (8, 8)).save(f / "images" / "lab.tif"), "lab.tif .its colour mode is LAB"),
    ],
)
def test_every_mistake_is_named(folder, change, message):
    change(folder)
    with pytest.raises(InputError, match=message):
        make(folder, split_column="part")


def truncate(path):
    noise = np.random.default_rng(0).integers(0, 255, (8, 8)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": np.zeros((NUM, 8)), "x": np.zeros(3)}, "no array 'images', but 'pictures', 'x': save"),
        ({"images": np.full((NUM, 8, 8), 2.0)}, "80 images in .* its float64 values go from 2 to 2, not from 0 to 1"),
        ({"images": np.zeros((NUM - 5, 8, 8), np.uint8)}, "5 rows of the table have no image in .*: index 75, "),
        ({"images": np.zeros((NUM, 3, 8, 8), np.uint8)}, "the channels first"),
        ({"images": np.array([object()])}, r"cannot be read as \.npz"),
    ],
)
def test_every_mistake_in_an_npz_file_is_named(folder, arrays, message):
    np.savez(folder / "images.npz", **arrays)
    by_index(folder)
    with pytest.raises(InputError, match=message):
        make(folder, images="images.npz")


def levels(split):
    return split.images[:, 0, 0, 0].astype(int)


def renamed(folder, name):
    """Rewrites the table's column of files."""
    rows = rows_of(folder)
    write(folder, [rows[0]] + [[name(row[0]), *row[1:]] for row in rows[1:]])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (lambda name: name.replace("/", "\\"), r"40 with \ for /"),
        (lambda name: f"images/{name}", "all with images/ in front"),
        (lambda name: f"/home/me/images/{name}", "all with /home/me/images/ in front"),
        (lambda name: f"C:\\images\\{name}".replace("/", "\\"), "all with C:/images/ in front"),
        (lambda name: name.rpartition(".")[0], "80 without the suffix"),
        (lambda name: name.replace(".jpg", ".JPG"), "40 with another case of the suffix"),
    ],
)
def test_files_may_be_named_as_another_machine_names_them(folder, capsys, name, said):
    expected = make(folder, split_column="part")
    renamed(folder, name)
    capsys.readouterr()
    found = make(folder, split_column="part")
    for split in ("train", "test"):
        np.testing.assert_array_equal(getattr(found, split).images, getattr(expected, split).images)
        np.testing.assert_array_equal(getattr(found, split).labels, getattr(expected, split).labels)
    told = capsys.readouterr().out
    assert told.startswith("the table names the images of ") and said in told and told.count("\n") == 1


def test_linked_folders_are_read_and_what_other_programs_leave_is_not(folder, capsys):
    expected = make(folder, split_column="part")
    (folder / "images" / "more").rename(folder / "store")
    (folder / "images" / "more").symlink_to(folder / "store")
    (folder / "images" / "._0.png").write_bytes(b"Mac OS X")
    (folder / "images" / ".ipynb_checkpoints").mkdir()
    (folder / "images" / ".ipynb_checkpoints" / "0-checkpoint.png").write_bytes(b"old")
    found = make(folder, split_column="part")
    np.testing.assert_array_equal(found.train.images, expected.train.images)
    (folder / "images" / "again").symlink_to(folder / "store")  # the same images under another name are no new ones
    assert len(make(folder, split_column="part").train) == 60
    assert capsys.readouterr().out == ""


def test_the_split_is_the_same_however_the_table_writes_the_names(folder):
    rows = rows_of(folder)
    splits = []
    for spell in (str, lambda name: str(folder / "images" / name), lambda name: name.replace("/", "\\")):
        write(folder, [rows[0], *([spell(row[0]), *row[1:]] for row in rows[1:])])
        splits.append(levels(make(folder).test).tolist())
    assert splits[0] == splits[1] == splits[2]


def test_a_class_that_is_spelled_like_a_missing_label_is_one_if_the_graph_lists_it(folder):
    grades = ["None", "Mild", "Severe"]
    rows = [[row[0], grades[i % 3]] for i, row in enumerate(rows_of(folder)[1:])]
    write(folder, [["file", "lesion"], *rows])
    listed = CausalGraph((Variable("lesion", kind="auto", values=tuple(grades)),))
    found = make(folder, listed)
    assert np.isfinite(found.train.labels).all() and set(found.train.labels[:, 0]) == {0, 1, 2}
    unlisted = make(folder, CausalGraph((Variable("lesion", kind="auto"),)))
    assert unlisted.graph.variables[0].values == ("Mild", "Severe") and np.isnan(unlisted.train.labels).any()


def test_images_without_a_row_are_unlabelled_training_images(folder, capsys):
    write(folder, rows_of(folder)[:-7])
    found = make(folder, split_column="part")
    assert len(found.train) == 60 and len(found.test) == 20
    assert np.isnan(found.train.labels[-7:]).all() and np.isfinite(found.train.labels[:-7, 0]).all()
    assert np.abs(levels(found.train) - [*range(20, 73), 74, 76, 78, 73, 75, 77, 79]).max() <= 1  # in natural order
    assert not found.train.was_set.any()
    told = "7 images without a row in the table are unlabelled training images: 74.jpg, 76.jpg, 78.jpg, more/73.png"
    assert told in capsys.readouterr().out
    np.savez(folder / "images.npz", images=np.arange(NUM, dtype=np.uint8)[:, None, None].repeat(8, 1).repeat(8, 2))
    by_index(folder)
    found = make(folder, images="images.npz")
    assert len(found.test) > 0 and len(found.train) + len(found.test) == 80
    assert np.isnan(found.train.labels[-7:]).all()
    assert levels(found.train)[-7:].tolist() == list(range(73, 80))


def test_images_of_all_kinds_become_one(folder, capsys):
    """Wide and upright only by EXIF, gray and in colour, of 16 bits, transparent, and of every kind of file."""
    scene = np.zeros((24, 32, 3), np.uint8)
    scene[:12, 4:16] = 255  # bright in the upper left of the square in the middle
    exif = Image.Exif()
    exif[0x0112] = 6
    pictures = {
        "0.jpg": Image.fromarray(scene),
        "2.jpg": Image.fromarray(scene).transpose(Image.Transpose.ROTATE_90),
        "more/1.png": Image.fromarray(scene[..., 0].astype(np.uint16) * 257),
        "more/3.png": Image.fromarray(np.dstack([scene, scene[..., 0]])),  # what is dark is transparent
    }
    for name, picture in pictures.items():
        picture.save(folder / "images" / name, **({"exif": exif} if name == "2.jpg" else {}))
    renamed(folder, lambda name: {"4.jpg": "4.webp", "6.jpg": "6.tif", "8.jpg": "8.bmp"}.get(name, name))
    for i, kind in ((4, "webp"), (6, "tif"), (8, "bmp")):
        (folder / "images" / f"{i}.jpg").unlink()
        Image.fromarray(scene).save(folder / "images" / f"{i}.{kind}")
    found = make(folder, split_column="part", background="black")
    assert found.train.images.shape == (60, 8, 8, 3)
    assert capsys.readouterr().out.splitlines() == [
        "80 images of 8 x 8 to 32 x 24 are cropped at the centre to squares and resized to 8 x 8",
        "74 gray images become RGB; 1 with transparency are laid over black; 1 of more than 8 bits are scaled so that"
        " 65535 (1 for floats) is white",
    ]
    for row in (0, 1, 2, 3, 4, 6, 8):
        quadrants = found.test.images[row].reshape(2, 4, 2, 4, 3).mean((1, 3, 4))
        assert quadrants[0, 0] > 240 and quadrants.ravel()[1:].max() < 20, row
    assert (make(folder, split_column="part", fit="pad").test.images[0, 0] == 255).all()


def test_an_npy_file_and_other_numbers_are_read_too(folder):
    images = np.arange(NUM, dtype=np.uint8)[:, None, None].repeat(8, 1).repeat(8, 2)
    by_index(folder)
    for form in (images, images / 255, images * np.uint16(257), images[..., None].repeat(3, -1)):
        np.save(folder / "images.npy", form)
        found = make(folder, images="images.npy", split_column="part", white_level=65535.0 * (form.dtype == np.uint16))
        assert found.test.images.shape == (20, 8, 8, 3 if form.ndim == 4 else 1)
        np.testing.assert_array_equal(levels(found.test), np.arange(20))


@pytest.mark.parametrize("gib", [4.0, 1e-9])
def test_the_same_image_on_both_sides_is_found(folder, gib):
    (folder / "images" / "0.jpg").write_bytes((folder / "images" / "20.jpg").read_bytes())
    told = r"1 test images are training or validation images too, which flatters every score: 0.jpg = 20.jpg"
    with pytest.warns(UserWarning, match=told):
        make(folder, split_column="part", max_memory_gib=gib)
    rows = rows_of(folder)
    write(folder, [rows[0], *([*row[:4], "val" if i < 10 else row[4]] for i, row in enumerate(rows[1:]))])
    with pytest.warns(UserWarning, match="1 validation images are training images too, .*: 0.jpg = 20.jpg"):
        make(folder, split_column="part", max_memory_gib=gib)


def test_a_tfds_dataset_is_read_by_name(folder, monkeypatch):
    config = tfds_builders.Config(name="tiny", train_size=NUM, test_size=2)
    builder = tfds_builders.Pendulum(config=config, data_dir=str(folder / "tfds"))
    builder.download_and_prepare()
    examples = builder.as_data_source(split="train")
    monkeypatch.setattr(tfds, "data_source", lambda name, split, download: builder.as_data_source(split=split))
    by_index(folder)
    data = Custom(
        name="custom",
        resolution=32,
        images="tfds:pendulum@train",
        labels=str(folder / "labels.csv"),
        split_column="part",
    )
    dataset = in_order(custom.make_dataset(data, GRAPH))
    np.testing.assert_array_equal(dataset.test.images[3], examples[3]["image"])
    np.testing.assert_array_equal(dataset.train.images[0], examples[20]["image"])


def test_a_tfds_dataset_that_cannot_be_opened_is_named(folder):
    by_index(folder)
    data = Custom(name="custom", resolution=8, images="tfds:no_such_dataset", labels=str(folder / "labels.csv"))
    with pytest.raises(InputError, match="TFDS cannot open 'tfds:no_such_dataset'"):
        custom.make_dataset(data, GRAPH)


def test_a_graph_file_may_be_short_or_long(tmp_path):
    path = tmp_path / "graph.json"
    path.write_text(json.dumps({"b": ["a"], "c": {"parents": ["b"], "kind": "categorical", "classes": 3}}))
    graph = Settings.from_dict(get_config(f"cpu,{path}").to_dict()).graph
    assert graph.names == ("a", "b", "c") and graph.descendants("a") == ("b", "c")
    path.write_text('["a"]')
    with pytest.raises(ValueError, match="not a mapping such as"):
        get_config(f"cpu,{path}")
    with pytest.raises(ValueError, match="expected a size and a graph file"):
        get_config("cpu")


def test_the_worked_example_moves_the_grandchild(idle, tmp_path):
    """docs/own_data.md's example at test size: do() of the chain's root reaches its end and the other branch, by the
    mechanisms, which are fitted to labels before the first step."""
    write_example(tmp_path / "example", num=1_000, seed=0)
    config = get_config(f"smoke,{tmp_path}/example/graph.json")
    config.data.images, config.data.labels = f"{tmp_path}/example/images", f"{tmp_path}/example/labels.csv"
    config.data.data_dir = str(tmp_path / "data")
    config.data.resolution, config.model.mechanism_hidden = 16, 64
    config.train.update({"steps": 2, "warmup_steps": 1, "checkpoint_every": 2})
    settings = Settings.from_dict(config.to_dict())
    with one_device():
        model = load(train_model(settings, tmp_path / "run"))
    test = custom.make_dataset(settings.data, settings.graph).test
    assert 0.25 < np.isnan(test.labels).mean() < 0.35
    low, high = (model.predict(test.images[:64], {"warmth": value}) for value in (0.1, 0.9))
    moved = dict(zip(model.graph.names, (high - low).mean(0), strict=True))
    # The true mechanisms: size 4 px, glow 0.15 * 4, height -8 px per unit of warmth.
    assert moved["size"] == pytest.approx(3.2, abs=1)
    assert moved["glow"] == pytest.approx(0.48, abs=0.2)
    assert moved["height"] == pytest.approx(-6.4, abs=2)
    with one_device():
        results = evaluate(tmp_path / "run", parts=("interventions",))
    cells = results["effectiveness"]["do(size)"]
    assert cells["glow"]["physical"] is None and cells["on"]["physical"] is None  # nobody knows the descendants' truth
    assert cells["warmth"]["physical"] > 0 and cells["size"]["normalised"] > 0
    assert 0 <= results["effectiveness"]["do(glow)"]["on"]["accuracy"] <= 1
    assert "unknown" in (tmp_path / "run" / "report.md").read_text()
    size_set = model.predict(test.images[:64], {"size": 8.0})
    np.testing.assert_array_equal(size_set[:, [0, 3]], model.encode(test.images[:64])[:, [0, 3]])


def with_do_column(folder, cells):
    """`folder`'s table with a column "set": cells by row number of the header's file, else empty."""
    rows = rows_of(folder)
    write(folder, [[*rows[0], "set"], *([*row, cells.get(i, "")] for i, row in enumerate(rows[1:]))])


def test_a_column_names_what_was_set_by_hand(folder):
    with_do_column(folder, {5: "tall", 30: "tall digit", 31: " digit "})
    dataset = make(folder, split_column="part", do_column="set")
    assert len(dataset.test) == 19  # without the one that was set: counterfactuals start from what was left alone
    assert not dataset.test.was_set.any()
    np.testing.assert_array_equal(dataset.train.was_set[10:12], [[False, True, True], [False, False, True]])
    assert dataset.train.was_set.sum() == 3
    assert len(dataset.interventional) == 1 and dataset.interventional.was_set.tolist() == [[False, True, False]]


def test_validation_images_train_nothing_and_were_left_alone(folder):
    rows = rows_of(folder)
    write(folder, [rows[0], *([*row[:4], "val" if 40 <= i < 50 else row[4]] for i, row in enumerate(rows[1:]))])
    with_do_column(folder, {41: "tall"})
    dataset = make(folder, split_column="part", do_column="set")
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (50, 9, 20)
    np.testing.assert_allclose(dataset.validation.labels[:, 0], np.array([40, *range(42, 50)]) / 10, rtol=1e-6)
    assert np.abs(levels(dataset.validation) - [40, *range(42, 50)]).max() <= 1
    assert make(folder).validation is None
    shared = make(folder, validation_share=0.1)
    assert len(shared.train) + len(shared.validation) + len(shared.test) == NUM


def test_validation_images_in_which_a_variable_was_set_are_told_or_train(folder, capsys):
    """Of a split column's they are left out; where no column says which are for validation they stay in training."""
    rows = rows_of(folder)
    write(folder, [rows[0], *([*row[:4], "val" if 40 <= i < 50 else row[4]] for i, row in enumerate(rows[1:]))])
    with_do_column(folder, dict.fromkeys(range(30, 45), "tall"))
    dataset = make(folder, split_column="part", do_column="set")
    assert "5 validation images in which a variable was set are left out" in capsys.readouterr().out
    assert (len(dataset.train), len(dataset.validation)) == (50, 5)
    write(folder, rows)
    with_do_column(folder, dict.fromkeys(range(20, 60), "tall"))
    shared = make(folder, validation_share=0.3, do_column="set")
    assert "validation" not in capsys.readouterr().out and not shared.validation.was_set.any()
    assert sum(map(len, (shared.train, shared.validation, shared.test, shared.interventional))) == NUM


def test_a_sorted_table_is_mixed_and_the_same_whatever_its_order(folder):
    """The first rows stand for all in many places: the sampled causes, the evaluated images, a held-out part."""
    data = Custom(
        name="custom",
        resolution=8,
        images=str(folder / "images"),
        labels=str(folder / "labels.csv"),
        split_column="part",
    )
    found = custom.make_dataset(data, GRAPH)
    for split in (found.train, found.test):
        half = len(split) // 2
        assert 0 < (split.labels[:half, 0] < np.median(split.labels[:, 0])).sum() < half
        np.testing.assert_allclose(levels(split) / 10, split.labels[:, 0], atol=0.11)  # with their images
    rows = rows_of(folder)
    write(folder, [rows[0], *rows[:0:-1]])
    np.testing.assert_array_equal(custom.make_dataset(data, GRAPH).train.images, found.train.images)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({5: "size"}, "has 'size' in the column 'set': expected names of variables"),
        (dict.fromkeys(range(20), "tall"), "every image of the test split was intervened on"),
        (dict.fromkeys(range(20, 80), "tall"), "every image of the training split was intervened on"),
    ],
)
def test_mistakes_about_what_was_set_are_named(folder, cells, message):
    with_do_column(folder, cells)
    with pytest.raises(InputError, match=message):
        make(folder, split_column="part", do_column="set")


OPEN = CausalGraph((Variable("width", kind="auto"), Variable("tall", ("width",), kind="auto")))


def test_kinds_that_the_graph_leaves_open_are_those_of_the_table(folder):
    rows = rows_of(folder)
    write(folder, [[*rows[0], "set"], *([*row[:2], ("no", "yes")[int(row[2])], *row[3:], ""] for row in rows[1:])])
    dataset = make(folder, OPEN, split_column="part")
    tall = dataset.graph.variables[1]
    assert (tall.kind, tall.values, dataset.graph.variables[0].kind) == ("binary", ("no", "yes"), "continuous")
    np.testing.assert_array_equal(dataset.test.labels[:, 1], np.arange(20) % 2)
    stored = make(folder, dataset.graph, split_column="part")  # as a workdir keeps it
    np.testing.assert_array_equal(stored.test.labels, dataset.test.labels)


def test_attributes_in_the_form_of_celeba_are_read_as_they_are(folder):
    rows = [f"{row[0]} {float(row[1]):4.1f} {2 * int(row[2]) - 1:2d}" for row in rows_of(folder)[1:]]
    (folder / "labels.csv").write_text("\n".join([str(NUM), "width tall ", *rows]) + "\n")
    dataset = make(folder, OPEN)
    assert dataset.graph.variables[1].values == ("-1", "1") and set(dataset.train.labels[:, 1]) == {0, 1}
    assert len(dataset.train) + len(dataset.test) == NUM


def test_an_array_takes_the_index_of_a_table_that_has_both_keys(folder):
    np.savez(folder / "images.npz", images=np.arange(NUM, dtype=np.uint8)[:, None, None] * np.ones((1, 8, 8), np.uint8))
    rows = rows_of(folder)
    write(folder, [["index", *rows[0]], *([i, *row] for i, row in enumerate(rows[1:]))])
    dataset = make(folder, images="images.npz", split_column="part")
    np.testing.assert_allclose(dataset.train.images[:, 0, 0, 0] / 10, dataset.train.labels[:, 0])


def test_what_the_settings_call_missing_is_unlabelled(folder):
    rows = rows_of(folder)
    write(folder, [rows[0], *([row[0], -999 if i < 5 else row[1], *row[2:]] for i, row in enumerate(rows[1:]))])
    dataset = make(folder, split_column="part", missing="-999")
    assert np.abs(np.sort(levels(dataset.test)[np.isnan(dataset.test.labels[:, 0])]) - np.arange(5)).max() <= 1
