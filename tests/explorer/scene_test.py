"""The explorer's scenes: where images come from, what is answered about them, and sliders."""

import io
import types

import numpy as np
import pytest
import stripes
from fakes import png
from PIL import Image

from cdae_jax.data.framing import Framing
from cdae_jax.errors import InputError
from cdae_jax.explorer import scene
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.inference.checks import TrainedVariable


@pytest.fixture
def model():
    return stripes.OfTheTruth()


@pytest.fixture
def dataset():
    return stripes.world()


def test_an_answer_shows_the_counterfactual_and_the_rendered_truth(model, dataset):
    asked = scene.scene_of_test_image(dataset, 3)
    a, b, c = dataset.test.labels[3]
    found = scene.answer(model, dataset, asked, {"a": 20.0})
    np.testing.assert_array_equal(found.before, [a, b, c])
    np.testing.assert_array_equal(found.after, [20, 20 + b - a, c])
    np.testing.assert_array_equal(found.true, stripes.render(found.after[None])[0])
    np.testing.assert_array_equal(found.image, found.true)
    assert found.notes == [] and (found.change[:, 12:] == 128).all() and (found.change[:, :6] != 128).all()


def test_a_combination_of_labels_that_training_lacks_is_warned_about(model, dataset, monkeypatch):
    asked = scene.scene_of_test_image(dataset, 0)
    plain = model.counterfactual

    def far(*args, **given):
        made = plain(*args, **given)
        made.support = np.array([100.0])
        return made

    monkeypatch.setattr(model, "counterfactual", far)
    (note,) = scene.answer(model, dataset, asked, {"a": 20.0}).notes
    assert note.startswith("These labels lie farther from those of training than 99 %")
    assert len(scene.answer(model, dataset, asked, {"a": 210.0}).notes) == 1  # outside its range: said once
    assert scene.answer(model, dataset, asked, {}).notes == []


def test_options_reach_the_model(model, dataset):
    asked = scene.scene_of_test_image(dataset, 0)
    half = scene.answer(model, dataset, asked, {"c": dataset.test.labels[0, 2] + 8}, strength=0.5)
    assert half.after[2] == dataset.test.labels[0, 2] + 4
    np.testing.assert_array_equal(half.image, half.true)  # the truth goes as far


def test_values_outside_the_training_range_are_warned_about(model, dataset):
    found = scene.answer(model, dataset, scene.scene_of_test_image(dataset, 0), {"a": 210.0, "b": 100.0})
    assert found.notes == ["a = 210 lies outside the range seen in training, 20 to 200 mm: expect a poor image."]


def test_samples_and_uploads_have_no_truth(model, dataset):
    upload = png(dataset.test.images[0, ..., 0])
    for asked in (scene.sampled_scene(model, 1), scene.uploaded_scene(model, upload)):
        assert asked.image.shape == model.image_shape and asked.labels is None
        assert scene.answer(model, dataset, asked, {"b": 90.0}).true is None
    np.testing.assert_array_equal(asked.image, dataset.test.images[0])


def test_uploads_of_all_kinds_are_treated_as_in_training():
    """Wide, large, turned by EXIF data alone, transparent: the bright half stays the upper one."""
    model = types.SimpleNamespace(framing=Framing(16, 3, background="black"))
    wide = np.zeros((64, 100, 4), np.uint8)
    wide[:32, 18:82], wide[32:, 18:82] = (200, 200, 200, 255), (200, 200, 200, 0)
    exif, turned = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    upright = Image.fromarray(wide[:, :, :3] * (wide[:, :, 3:] // 255))
    upright.transpose(Image.Transpose.ROTATE_90).save(turned, "JPEG", exif=exif, quality=100)
    for data in (png(wide), turned.getvalue(), png(np.asarray(upright)[..., 0], "JPEG")):
        image = scene.uploaded_scene(model, data).image.astype(int)
        assert image.shape == (16, 16, 3)
        assert (image[:7] > 190).all() and (image[9:] < 10).all()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"import os", "no readable PNG or JPEG image"),
        (b"", "no readable PNG or JPEG image"),
        (png(np.zeros((16, 16), np.uint8), "GIF"), "no readable PNG or JPEG image"),
        (png(np.zeros((64, 64), np.uint8))[:60], "no readable PNG or JPEG image"),
        (png(np.zeros((1, 5000), np.uint8)), "is 5000 x 1: upload at most 4096 a side"),
        (bytes(6 * 2**20), "has 6.0 MiB: upload one of at most 5 MiB"),
    ],
    ids=("script", "empty", "gif", "truncated", "huge", "heavy"),
)
def test_bad_uploads_explain_themselves(data, message):
    with pytest.raises(InputError, match=message):
        scene.uploaded_scene(stripes.OfTheTruth(), data)


def test_a_sweep_crosses_the_training_range_beside_what_else_is_set(model, dataset):
    images, values = scene.sweep(model, scene.scene_of_test_image(dataset, 0), "b", {"c": 60.0})
    assert (values[0], values[-1]) == (20, 200) and len(images) == scene.SWEEP
    np.testing.assert_allclose(stripes.measure(images)[:, 1], values, atol=0.5)
    assert (stripes.measure(images)[:, 2] == 60).all()


def test_sliders_go_a_tenth_beyond_the_training_range_in_round_steps(model):
    low, high, step = scene.slider_of(model, "a")
    assert (low, high, step) == pytest.approx((2, 218, 1))
    model.variables = (model.variables[0]._replace(low=-0.5, high=0.25),)
    assert scene.slider_of(model, "a") == pytest.approx((-0.575, 0.325, 0.001))
    assert scene.on_slider(model, "a", 0.12345) == 0.123
    assert scene.on_slider(model, "a", 9.0) == pytest.approx(0.325)


def test_sliders_tell_times_apart_that_six_digits_do_not():
    seen = TrainedVariable("time", "s", 1_748_229_500, 1_748_230_495)
    model = types.SimpleNamespace(graph=CausalGraph((Variable("time"),)), variables=(seen,))
    at = [scene.on_slider(model, "time", 1_748_229_500 + 100 * i) for i in range(5)]
    np.testing.assert_allclose(np.diff(at), 100)
    (note,) = scene.outside_notes(model, {"time": 1_748_231_000})
    assert note.startswith("time = 1748231000 lies outside the range seen in training, 1748229500 to 1748230495 s:")


def test_classes_are_asked_for_by_their_words(model):
    asked, animal = [], Variable("a", kind="categorical", values=("1", "2", "3"))
    model.graph = CausalGraph((animal, *model.graph.variables[1:2], Variable("c")))
    answered = model.counterfactual
    model.counterfactual = lambda images, do, **options: asked.append(do) or answered(images, {}, **options)
    scene.answer(model, None, scene.sampled_scene(model, 0), {"a": 1})
    scene.sweep(model, scene.sampled_scene(model, 0), "a", {})
    assert asked[0] == {"a": "2"} and asked[1]["a"].tolist() == ["1", "2", "3", "1", "2", "3", "1", "2"]
