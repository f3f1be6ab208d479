"""The bench: data that fit the model, values to set, and readers that are trained only where they are needed."""

import dataclasses
import json
import types

import numpy as np
import pytest
import stripes
from short_runs import dataset_of, settings_with

from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.errors import InputError
from cdae_jax.evaluation import bench as module
from cdae_jax.evaluation.bench import Bench, first_of
from cdae_jax.graph import CausalGraph, Variable


def with_labels(labels):
    """A bench whose test images have these labels in the first column."""
    test = Split(np.zeros((len(labels), 1, 1, 1), np.uint8), np.array(labels, np.float32)[:, None])
    return Bench(stripes.world(), types.SimpleNamespace(settings=settings_with()), test, None)


def test_the_data_of_another_workdir_are_refused(tmp_path):
    model = types.SimpleNamespace(settings=settings_with(), workdir=tmp_path)
    found = module.dataset_of(model, tmp_path)  # nothing says on what it was trained
    np.testing.assert_array_equal(found.test.labels, dataset_of(model.settings).test.labels)
    (tmp_path / "model.json").write_text(json.dumps({"dataset": "MorphoMNIST"}))
    with pytest.raises(InputError, match="was trained on MorphoMNIST, but its config now gives"):
        module.dataset_of(model, str(tmp_path))


def test_a_model_of_a_file_has_no_data():
    model = types.SimpleNamespace(settings=settings_with(), workdir=None)
    with pytest.raises(InputError, match="pendulum.cdae is a model without its data: give the workdir"):
        module.dataset_of(model, "pendulum.cdae")


def test_the_first_examples_are_all_if_there_are_fewer():
    test = stripes.world(num=5).test
    np.testing.assert_array_equal(first_of(test, 3).labels, test.labels[:3])
    assert len(first_of(test, 10_000)) == 5


def test_values_to_set_are_those_of_other_images_in_an_order_of_the_seed():
    bench = with_labels(range(20))
    values, order = bench.draw_values(0)
    np.testing.assert_array_equal(values, order)  # the label of row i is i
    assert sorted(order) == list(range(20)) and (order != np.arange(20)).any()
    np.testing.assert_array_equal(bench.draw_values(0)[0], values)
    assert (dataclasses.replace(bench, seed=bench.seed + 1).draw_values(0)[0] != values).any()


def test_where_a_label_is_unknown_a_known_value_is_set():
    labels = np.array([1, np.nan, 2, np.nan, np.nan, 3])
    values, order = with_labels(labels).draw_values(0)
    known = np.isfinite(labels[order])
    np.testing.assert_array_equal(values[known], labels[order[known]])
    assert np.isin(values[~known], [1, 2, 3]).all()


def test_a_judge_is_trained_once_and_only_where_nothing_else_reads(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "cached_judge", lambda *given: asked.append(given) or stripes.Pixels())
    bench, images = with_labels(range(4)), stripes.world().test.images
    np.testing.assert_array_equal(bench.read(images), stripes.measure(images))
    assert not asked
    unmeasured = dataclasses.replace(bench, dataset=stripes.world(measure=None))
    for _ in range(2):
        np.testing.assert_array_equal(unmeasured.read(images), stripes.measure(images))
    assert len(asked) == 1 and asked[0][1] == settings_with().data.judge_steps


def test_what_no_measurement_tells_the_judge_reads(monkeypatch):
    monkeypatch.setattr(module, "cached_judge", lambda *_: lambda images: (stripes.measure(images) + 1, None))
    half = stripes.world(measure=lambda images: stripes.measure(images) * np.float32([1, 1, np.nan]))
    bench, images = dataclasses.replace(with_labels(range(4)), dataset=half), stripes.world().test.images
    np.testing.assert_array_equal(bench.read(images), stripes.measure(images) + np.float32([0, 0, 1]))
    assert bench.reader == "direct measurement (c by the predictor)"
    assert dataclasses.replace(bench, dataset=stripes.world()).reader == "direct measurement"
    assert dataclasses.replace(bench, dataset=stripes.world(measure=None)).reader == "predictor"


def test_deviations_are_those_of_the_training_labels():
    bench = with_labels(range(4))
    np.testing.assert_allclose(bench.sd, bench.dataset.train.labels.std(0), rtol=1e-5)


def test_the_model_is_asked_for_classes_by_their_words_and_not_by_their_codes():
    """The second of the classes "1", "2", "3" has the code 1, which is the word of the first."""
    rank = Variable("rank", kind="categorical", values=("1", "2", "3"))
    graph, asked = CausalGraph((rank, Variable("size"))), []
    model = types.SimpleNamespace(graph=graph, counterfactual=lambda images, do, **_: asked.append(do))
    test = Split(np.zeros((2, 1, 1, 1), np.uint8), np.array([[0.0, 5], [2, 6]]))
    bench = Bench(Dataset("x", graph, test, test), model, test, None)
    bench.counterfactual(test.images, {"rank": test.labels[:, 0], "size": test.labels[:, 1]}, None)
    assert asked[0]["rank"].tolist() == ["1", "3"] and asked[0]["size"].tolist() == [5, 6]
    np.testing.assert_array_equal(rank.codes(asked[0]["rank"]), test.labels[:, 0])
    assert bench.told("rank")(2.0) == "3" and bench.told("size")(5.25) == "5.25"
