"""The judge: its targets, that it learns, and when it is trained again."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import short_runs
import stripes

from cdae_jax.evaluation import judge as module
from cdae_jax.evaluation.judge import cached_judge, fingerprint, from_targets, to_targets
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
