"""Counterfactuals of many images: the same as one call makes, gone on with after a stop, refused if they do not fit."""

import dataclasses
import json
import os

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from devices import one_device
from PIL import Image

import cdae_jax
from cdae_jax.data.framing import Framing
from cdae_jax.data.image_files import ImageFiles
from cdae_jax.distributed import claims
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph
from cdae_jax.inference import shards as generating
from cdae_jax.inference.provenance import parameters_digest
from cdae_jax.inference.shards import Source, generate, open_source

DO = {"angle": 20.0, "light": "+5"}


@pytest.fixture(scope="module")
def model(trained_pendulum):
    with one_device():
        return cdae_jax.load(trained_pendulum)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (21, 16, 16, 3)).astype(np.uint8)


def read(shards):
    stored = []
    for shard in shards:
        with np.load(shard) as file:
            stored.append(dict(file))
    return {name: np.concatenate([shard[name] for shard in stored]) for name in stored[0]}


def in_eights(model, images):
    """Counterfactuals of as many images at a time as a shard has: another batch is rounded otherwise."""
    parts = (model.counterfactual(images[start : start + 8], DO).images for start in range(0, len(images), 8))
    return np.concatenate(list(parts))


def test_shards_hold_what_one_call_makes(model, images, tmp_path):
    shards = generate(model, Source(images, None, "memory"), DO, tmp_path / "out", shard_size=8)
    found = read(shards)
    whole = model.counterfactual(images, DO)
    np.testing.assert_array_equal(found["image"], in_eights(model, images))
    gap = np.abs(found["image"] - whole.images.astype(int))
    assert gap.max() <= 1 and gap.sum() <= 1
    np.testing.assert_allclose(found["believed"], whole.labels, rtol=1e-5)
    np.testing.assert_array_equal(found["index"], np.arange(21))
    np.testing.assert_array_equal(found["do"][:, 0], np.full(21, 20, np.float32))
    np.testing.assert_allclose(found["do"][:, 1], model.encode(images)[:, 1] + 5, rtol=1e-5)
    assert np.isnan(found["do"][:, 2:]).all()
    np.testing.assert_allclose(found["read"], model.encode(found["image"]), rtol=1e-4, atol=1e-3)
    u, _, z_do = model.latents_under(images, DO)
    np.testing.assert_allclose(found["u"], u, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["z_do"], z_do, rtol=1e-4, atol=1e-4)
    assert found["support"].shape == (21,) and np.isfinite(found["support"]).all()
    request = json.loads((tmp_path / "out" / "request.json").read_text())
    assert request["do"] == DO and request["variables"] == list(model.graph.names) and request["num"] == 21
    assert request["model"] == parameters_digest(model.params) and request["solver"] == "dpm_solver"


def test_strength_and_options_are_those_of_one_call(model, images, tmp_path):
    options = {"strength": {"angle": 0.5}, "num_steps": 2, "guidance": 2.0}
    (shard,) = generate(model, Source(images[:5], None, "memory"), DO, tmp_path / "out", **options)
    np.testing.assert_array_equal(read([shard])["image"], model.counterfactual(images[:5], DO, **options).images)
    with pytest.raises(InputError, match="whose guidance is 2.0 .now 1.0.: choose another --output"):
        generate(model, Source(images[:5], None, "memory"), DO, tmp_path / "out", **options | {"guidance": 1.0})


def test_a_stopped_run_goes_on_and_finished_shards_are_left_alone(model, images, tmp_path, monkeypatch):
    source, write = Source(images, None, "memory"), generating._write

    def stop_at_the_third(path, *rest):
        if path.name.startswith("shard-00002.npz"):
            raise KeyboardInterrupt
        write(path, *rest)

    monkeypatch.setattr(generating, "_write", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        generate(model, source, DO, tmp_path / "out", shard_size=8)
    monkeypatch.undo()
    before = (tmp_path / "out" / "shard-00000.npz").stat().st_mtime_ns
    shards = generate(model, source, DO, tmp_path / "out", shard_size=8)
    assert shards[0].stat().st_mtime_ns == before
    np.testing.assert_array_equal(read(shards)["image"], in_eights(model, images))


def test_shards_of_other_processes_are_left_to_them_and_those_of_lost_ones_made(model, images, tmp_path, monkeypatch):
    alone = generate(model, Source(images, None, "memory"), DO, tmp_path / "alone", shard_size=8, abduction="noise")
    seen = []

    def lose(_):
        seen.append(sorted(path.name for path in (tmp_path / "out").glob("shard-*.npz")))
        os.utime(claim, (0, 0))

    monkeypatch.setattr(claims.time, "sleep", lose)
    claim = tmp_path / "out" / "shard-00001.npz.claim-0"
    monkeypatch.setattr(generating, "_agree", lambda folder, _: folder.mkdir() or claim.touch())
    made = generate(model, Source(images, None, "memory"), DO, tmp_path / "out", shard_size=8, abduction="noise")
    assert seen == [["shard-00000.npz", "shard-00002.npz"]]
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in alone]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [path.name for path in made]


def test_noise_is_drawn_anew_in_every_shard(model, images, tmp_path):
    same = np.repeat(images[:1], 16, axis=0)
    shards = generate(model, Source(same, None, "memory"), DO, tmp_path / "out", shard_size=8, abduction="noise")
    first, second = (read([shard])["image"] for shard in shards)
    assert (first != second).any(axis=(1, 2, 3)).all()


def test_another_request_and_a_foreign_folder_are_refused(model, images, tmp_path):
    source = Source(images[:4], None, "memory")
    generate(model, source, {"angle": 20.0}, tmp_path / "out")
    with pytest.raises(InputError, match="holds counterfactuals whose do is .*20.0.* .now .*10.0"):
        generate(model, source, {"angle": 10.0}, tmp_path / "out")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="a folder with other files"):
        generate(model, source, {"angle": 20.0}, tmp_path / "notes")


def test_mistakes_are_found_before_anything_is_written(model, images, tmp_path):
    source = Source(images, None, "memory")
    with pytest.raises(InputError, match="angel"):
        generate(model, source, {"angel": 20.0}, tmp_path / "out")
    with pytest.raises(InputError, match="num_steps is 0"):
        generate(model, source, DO, tmp_path / "out", num_steps=0)
    with pytest.raises(InputError, match="the shard size is 0: expected at least 1"):
        generate(model, source, DO, tmp_path / "out", shard_size=0)
    assert not (tmp_path / "out").exists()


RGB = Framing(16, 3)


def test_sources_are_read_and_resized(images, tmp_path):
    np.savez(tmp_path / "images.npz", images=images.repeat(2, 1).repeat(2, 2), context=np.arange(21))
    found = open_source(str(tmp_path / "images.npz"), RGB)
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_array_equal(found.context, np.arange(21))
    assert found.names is None
    (tmp_path / "files").mkdir()
    for i, image in enumerate(images[:12]):
        Image.fromarray(image).save(tmp_path / "files" / f"{i}.png")
    found = open_source(str(tmp_path / "files"), RGB)
    assert isinstance(found.images, ImageFiles) and len(found) == 12  # decoded when they are needed
    np.testing.assert_array_equal(np.asarray(found.images), images[:12])
    assert found.names == [f"{i}.png" for i in range(12)]
    one = open_source(str(tmp_path / "files" / "7.png"), RGB)
    np.testing.assert_array_equal(np.asarray(one.images), images[7:8])
    assert one.names == ["7.png"]


def test_wide_images_are_treated_as_in_training(tmp_path, capsys):
    wide = np.zeros((16, 32, 3), np.uint8)
    wide[:, 8:24] = 200
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert (np.asarray(open_source(str(tmp_path), RGB).images) == 200).all()
    assert capsys.readouterr().out == "1 images of 32 x 16 are cropped at the centre to 16 x 16\n"
    padded = np.asarray(open_source(str(tmp_path), Framing(16, 3, "pad", "black")).images)
    assert (padded[0, :4] == 0).all() and (padded[0, 8, 4:12] == 200).all()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "none",
            "there are no images at .*: expected a folder or an image that exists, an .npz",
        ),
        ("empty", "has no images: expected files that end in png"),
        ("odd.npz", "has no array 'images', but 'pictures', 'others': save"),
        ("few.npz", r"the context of .*few.npz has the shape \(3,\): expected \(4,\)"),
        ("broken.npz", "broken.npz cannot be read as .npz"),
        ("broken", r"1 images in .*broken cannot be read: 1.png \(cannot identify image file"),
    ],
)
def test_bad_sources_are_named(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "broken" / "0.png")
    (tmp_path / "broken" / "1.png").write_bytes(b"no image")
    stack = np.zeros((4, 16, 16, 3), np.uint8)
    np.savez(tmp_path / "few.npz", images=stack, context=np.zeros(3, np.int32))
    np.savez(tmp_path / "odd.npz", pictures=stack, others=stack)
    (tmp_path / "broken.npz").write_bytes((tmp_path / "few.npz").read_bytes()[:900])
    with pytest.raises(InputError, match=message):
        open_source(str(tmp_path / name), RGB)


def test_every_row_is_of_a_file_and_of_the_same_one_when_gone_on_with(model, images, tmp_path):
    (tmp_path / "photos" / "sub").mkdir(parents=True)
    for name, image in zip(("b.png", "a.png", "sub/c, d.png"), images[:3], strict=True):
        Image.fromarray(image).save(tmp_path / "photos" / name)
    source = open_source(str(tmp_path / "photos"), model.framing)
    shards = generate(model, source, DO, tmp_path / "out", shard_size=2)
    table = pd.read_csv(tmp_path / "out" / "files.csv")
    assert table["file"].tolist() == source.names == ["a.png", "b.png", "sub/c, d.png"]
    assert table["shard"].tolist() == ["shard-00000.npz", "shard-00000.npz", "shard-00001.npz"]
    for row in table.itertuples():
        with np.load(tmp_path / "out" / row.shard) as shard:
            made = shard["image"][shard["index"].tolist().index(row.index)]
        image = np.asarray(Image.open(tmp_path / "photos" / row.file))
        np.testing.assert_allclose(made, model.counterfactual(image, DO).images[0], atol=1)
    (tmp_path / "photos" / "a.png").rename(tmp_path / "photos" / "e.png")
    shards[0].unlink()
    with pytest.raises(InputError, match="holds counterfactuals of other images: choose another --output"):
        generate(model, open_source(str(tmp_path / "photos"), model.framing), DO, tmp_path / "out", shard_size=2)


def test_effects_on_classes_are_classes(model, images, tmp_path, monkeypatch):
    binary = dataclasses.replace(model.graph.variables[2], kind="binary")
    graph = CausalGraph((*model.graph.variables[:2], binary, model.graph.variables[3]))
    monkeypatch.setattr(model, "graph", graph)
    found = read(generate(model, Source(images[:3], None, "memory"), {}, tmp_path / "out"))
    for name in ("believed", "read"):
        assert set(found[name][:, 2]) <= {0, 1} and not set(found[name][:, 3]) <= {0, 1}


def test_latents_under_do_go_as_far_as_the_images(model, images, tmp_path):
    (shard,) = generate(model, Source(images[:5], None, "memory"), {"angle": 20.0}, tmp_path / "out", strength=0.5)
    found = read([shard])
    told = model.stats.physical(np.asarray(model.labels_of(jnp.asarray(found["z_do"]))))
    np.testing.assert_allclose(told, found["believed"], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(told[:, 0], (20 + model.encode(images[:5])[:, 0]) / 2, rtol=1e-4, atol=1e-3)


def test_other_images_of_the_same_name_and_number_are_another_request(model, images, tmp_path):
    generate(model, Source(images[:5], None, "photos.npz"), DO, tmp_path / "out")
    with pytest.raises(InputError, match="holds counterfactuals of other images: choose another --output"):
        generate(model, Source(images[5:10], None, "photos.npz"), DO, tmp_path / "out")


def test_mistakes_of_programs_are_found_before_anything_is_written(model, images, tmp_path):
    with pytest.raises(InputError, match=r"do.angle. is .20.0.: expected one value for all images"):
        generate(model, Source(images[:5], None, "memory"), {"angle": [20.0]}, tmp_path / "out")
    with pytest.raises(InputError, match="context was given, but this model has none"):
        generate(model, Source(images[:5], np.zeros(5, int), "memory"), DO, tmp_path / "out")
    assert not list(tmp_path.iterdir())
    (shard,) = generate(model, Source(images[:5], None, "memory"), DO, tmp_path / "out", num_steps=np.int64(2))
    assert shard.is_file()
