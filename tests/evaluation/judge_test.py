"""The judge: its targets, that it learns, and when it is trained again."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import short_runs
import stripes

from cdae_jax.data.labels import LabelStats
from cdae_jax.evaluation import judge as module
from cdae_jax.evaluation.judge import cached_judge, fingerprint, from_targets, to_targets, train_judge
from cdae_jax.graph import CausalGraph, Variable


def test_the_targets_keep_labels_and_gaps():
    graph = CausalGraph((Variable("a"), Variable("digit", kind="categorical", classes=3)))
    y = np.array([[0.5, 2], [np.nan, 0], [1, np.nan]], np.float32)
    targets = to_targets(graph, y)
    np.testing.assert_array_equal(targets[0], [0.5, 0, 0, 1])
    np.testing.assert_array_equal(np.isnan(targets), [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 1, 1]])
    np.testing.assert_array_equal(from_targets(graph, targets[:1]), y[:1])


# In a process of its own, compiled as for users: with the flags of `conftest` it would take minutes.
LEARN = """
import json
import numpy as np
from short_runs import small_dataset
from cdae_jax.data.labels import LabelStats
from cdae_jax.evaluation import judge
judge.BATCH, judge.POOL, judge.NUM_CHECKS = 32, 1024, 2
dataset = small_dataset()
stats = LabelStats.of(dataset.train.labels, dataset.graph)
labels, _ = judge.train_judge(dataset, stats, 60)(dataset.test.images)
error = np.abs(labels - dataset.test.labels).mean(0) / stats.sd
chance = np.abs(dataset.test.labels - stats.mean).mean(0) / stats.sd
print(json.dumps([error.tolist(), chance.tolist()]))
"""


def test_it_learns_to_read_test_images():
    path = short_runs.__file__.rpartition("/")[0]
    environment = os.environ | {"XLA_FLAGS": "", "JAX_PLATFORMS": "cpu", "PYTHONPATH": path}
    result = subprocess.run([sys.executable, "-c", LEARN], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    error, chance = map(np.array, json.loads(result.stdout.splitlines()[-1]))
    assert (error < 0.4 * chance).all(), (error, chance)


def test_it_is_reused_until_the_data_change(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 4)
    monkeypatch.setattr(module, "POOL", 8)
    dataset = stripes.world(20)
    first = cached_judge(dataset, 1, tmp_path)
    monkeypatch.setattr(module, "train_judge", lambda *_: pytest.fail("trained twice"))
    again = cached_judge(dataset, 1, tmp_path)
    np.testing.assert_array_equal(first(dataset.test.images)[0], again(dataset.test.images)[0])
    assert first.validation == again.validation and first.validation.keys() == {"a", "b", "c", "wrong_class"}
    changed = stripes.world(21)
    assert fingerprint(changed, 1) != fingerprint(dataset, 1) != fingerprint(dataset, 2)
    with pytest.raises(pytest.fail.Exception, match="trained twice"):
        cached_judge(changed, 1, tmp_path)


@pytest.mark.parametrize("num_labelled", [200, 120])
def test_it_is_chosen_by_labelled_images_of_all_kinds_whatever_the_order_of_the_table(monkeypatch, num_labelled):
    """Sorted by a label, and with images without any at the end, as rows of a table and images without a row lie."""
    monkeypatch.setattr(module, "BATCH", 4)
    monkeypatch.setattr(module, "POOL", 8)
    dataset = stripes.world(200)
    order = np.argsort(dataset.train.labels[:, 0], kind="stable")
    train, drawn = dataset.train.take(order), []
    train.labels[num_labelled:] = np.nan

    def seen(images, labels, rng):
        drawn.append(labels)
        return images, labels

    dataset = dataclasses.replace(dataset, train=train, decorrelate=seen)
    judge = train_judge(dataset, LabelStats.of(train.labels, dataset.graph, num_rows=1), 3)
    assert np.isfinite(list(judge.validation.values())).all() and judge(dataset.test.images)[0].shape == (200, 3)
    held, learned = (np.unique(labels[:, 0]) for labels in (drawn[0], np.concatenate(drawn[1:])))
    assert np.isfinite(held).all() and np.isfinite(learned).all()
    least, middle, most = np.quantile(train.labels[:num_labelled, 0], [0, 0.5, 1])
    assert least <= held[0] < middle < held[-1] <= most


def test_rarest_are_the_combinations_that_independent_variables_would_have():
    rng = np.random.default_rng(0)
    a = rng.normal(size=1000)
    labels = np.stack([a, a + 0.3 * rng.normal(size=1000), rng.normal(size=1000)], 1)
    labels[:20, 1] = -a[:20]  # against the rest
    labels[rng.random(labels.shape) < 0.1] = np.nan
    found = module.rarity(labels)
    far = np.abs(labels[:20, 0] - labels[:20, 1]) > 1
    assert far.sum() > 5 and np.quantile(found, 0.95) < np.median(found[:20][far])
    free = module.rarity(rng.normal(size=(1000, 3)))
    assert np.quantile(found, 0.9) / np.quantile(found, 0.1) > 3 * np.quantile(free, 0.9) / np.quantile(free, 0.1)


def test_the_error_on_rare_combinations_is_told_where_nothing_decorrelates(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "BATCH", 4)
    monkeypatch.setattr(module, "POOL", 8)
    dataset = dataclasses.replace(stripes.world(600), decorrelate=None)
    judge = cached_judge(dataset, 1, tmp_path)
    assert judge.rare.keys() == {"a", "b", "c"} and np.isfinite(list(judge.rare.values())).all()
    assert cached_judge(dataset, 1, tmp_path).rare == judge.rare  # as it was kept
    assert not cached_judge(stripes.world(40), 1, tmp_path).rare  # of too few nothing
    free = dataclasses.replace(dataset, decorrelate=lambda images, labels, rng: (images, labels))
    assert train_judge(free, judge.stats, 1).rare == {}


def test_the_rarest_held_out_images_are_read_and_no_others(monkeypatch):
    dataset, seen = dataclasses.replace(stripes.world(200), decorrelate=None), []
    rows = np.random.default_rng(0).permutation(200)
    monkeypatch.setattr(module, "rarity", lambda labels: labels[:, 0])

    class Reads(stripes.Pixels):
        stats = LabelStats.of(dataset.train.labels, dataset.graph)

        def __call__(self, images):
            seen.extend(stripes.measure(images)[:, 0])
            return super().__call__(images)

    module._error_where_rare(Reads(), dataset, rows, 100)
    rarest = np.sort(dataset.train.labels[rows[:100], 0])[-10:]
    np.testing.assert_allclose(np.sort(seen), rarest, atol=0.6)  # grey levels are whole
