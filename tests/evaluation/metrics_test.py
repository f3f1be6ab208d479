"""Metrics against cases worked by hand, and the judge against data it must learn."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg
import short_runs
from short_runs import dataset_of, small_dataset
from sklearn.metrics import f1_score

from cdae_jax.data import circuit
from cdae_jax.data.dataset import Dataset
from cdae_jax.data.labels import LabelStats
from cdae_jax.errors import InputError
from cdae_jax.evaluation import metrics
from cdae_jax.evaluation.interventions import known_counterfactual, noise_redrawn
from cdae_jax.evaluation.judge import cached_judge, fingerprint, from_targets, to_targets
from cdae_jax.evaluation.report import report
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.plots.pictures import difference
from cdae_jax.settings.run import Settings
from configs.pendulum import get_config


def test_absolute_error_by_hand():
    read, true = np.array([[1.0, 10.0], [3.0, 14.0]]), np.array([[2.0, 10.0], [6.0, 10.0]])
    graph = CausalGraph((Variable("a"), Variable("b")))
    normalised, physical = metrics.absolute_error(graph, read, true, np.array([2.0, 4.0]))
    np.testing.assert_allclose(physical, [2, 2])
    np.testing.assert_allclose(normalised, [1, 0.5])
    _, physical = metrics.absolute_error(graph, read, np.array([[2.0, np.nan], [np.nan, np.nan]]), np.ones(2))
    assert physical[0] == 1 and np.isnan(physical[1])


def test_classes_are_judged_by_accuracy_and_f1():
    graph = CausalGraph((Variable("on", kind="binary"), Variable("digit", kind="categorical", classes=3)))
    read = np.array([[0.9, 0], [0.2, 1], [0.7, 2], [-0.4, 2]])
    true = np.array([[1, 0], [1, 1], [1, 0], [0, 2]])
    share, same = metrics.absolute_error(graph, read, true, np.full(2, 0.5))
    np.testing.assert_allclose(share, [0.25, 0.25])
    np.testing.assert_allclose(same, share)
    classes = metrics.as_classes(graph, read)
    expected = f1_score(true[:, 1], classes[:, 1], average="macro")
    assert metrics.macro_f1(classes[:, 1], true[:, 1], 3) == pytest.approx(expected)


def test_what_is_known_of_a_counterfactual_without_mechanisms():
    graph = CausalGraph((Variable("a"), Variable("b", ("a",)), Variable("c", ("b",)), Variable("d")))
    labels = np.arange(8.0).reshape(2, 4)
    mask = np.array([[True, False, False, False], [False, True, False, False]])
    found = known_counterfactual(graph, labels, mask, np.full((2, 4), 9.0))
    np.testing.assert_array_equal(found, [[9, np.nan, np.nan, 3], [4, 9, np.nan, 7]])


def test_redrawn_noise_leaves_only_the_descendants_own_noise():
    labels = circuit.draw_labels(2_000, np.random.default_rng(0))
    data = Dataset("circuit", circuit.GRAPH, None, None, true_counterfactual=circuit.true_counterfactual)
    found = noise_redrawn(data, "blue", labels, labels[np.random.default_rng(1).permutation(len(labels))], np.ones(4))
    assert list(found) == ["red"]
    # Two independent draws of red with the same parents.
    redrawn = circuit.lamps(labels[:, 0], np.random.default_rng(2).uniform(size=(2_000, 3)))
    parents_held = np.tile([True, True, True, False], (2_000, 1))
    others = np.concatenate([labels[:, :1], redrawn], 1).astype(np.float32)
    held = circuit.true_counterfactual(others, parents_held, labels)
    assert found["red"]["physical"] == pytest.approx(np.abs(held - labels)[:, 3].mean(), rel=0.1)


def test_the_judges_targets_keep_labels_and_gaps():
    graph = CausalGraph((Variable("a"), Variable("digit", kind="categorical", classes=3)))
    y = np.array([[0.5, 2], [np.nan, 0], [1, np.nan]], np.float32)
    targets = to_targets(graph, y)
    np.testing.assert_array_equal(targets[0], [0.5, 0, 0, 1])
    np.testing.assert_array_equal(np.isnan(targets), [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 1, 1]])
    np.testing.assert_array_equal(from_targets(graph, targets[:1]), y[:1])


def test_pixel_errors_by_hand():
    black, white = np.zeros((1, 2, 2, 1), np.uint8), np.full((1, 2, 2, 1), 255, np.uint8)
    assert metrics.mean_squared_error(white, black) == 1
    assert metrics.psnr(1.0) == 0 and metrics.psnr(0.01) == pytest.approx(20)
    half = white.copy()
    half[0, 0] = 0
    assert metrics.mean_squared_error(half, white) == 0.5


def test_difference_is_grey_where_nothing_changed():
    a = np.array([10, 200, 0], np.uint8)
    np.testing.assert_array_equal(difference(a, a), 128)
    assert difference(a, np.zeros(3, np.uint8))[1] > 200


def test_label_statistics_standardise_and_skip_the_unknown():
    labels = np.array([[1, 5], [3, np.nan], [5, 7], [np.nan, 9]], np.float32)
    graph = CausalGraph((Variable("a"), Variable("b")))
    stats = LabelStats.of(labels, graph)
    np.testing.assert_allclose(stats.mean, [3, 7])
    np.testing.assert_allclose(stats.low, [1, 5])
    np.testing.assert_allclose(stats.high, [5, 9])
    assert stats.rows.shape == (2, 2)
    y = stats.standardise(labels)
    assert np.nanmean(y, 0) == pytest.approx(0, abs=1e-6) and np.nanstd(y, 0) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(stats.physical(y), labels)
    assert LabelStats.from_dict(stats.to_dict()).sd.tolist() == stats.sd.tolist()
    with pytest.raises(InputError, match="'b' has only one value"):
        LabelStats.of(np.array([[1, 5], [2, 5]], np.float32), graph)
    with pytest.raises(InputError, match="'b' has no value"):
        LabelStats.of(np.array([[1, np.nan], [2, np.nan]], np.float32), graph)


@pytest.fixture(scope="module")
def dataset():
    return small_dataset()


# In a process of its own, compiled as for users: with the flags of `conftest` it would take minutes.
JUDGE = """
import json
import numpy as np
from short_runs import small_dataset
from cdae_jax.data.labels import LabelStats
from cdae_jax.evaluation.judge import train_judge
dataset = small_dataset()
stats = LabelStats.of(dataset.train.labels, dataset.graph)
labels, _ = train_judge(dataset, stats, 150)(dataset.test.images)
error = np.abs(labels - dataset.test.labels).mean(0) / stats.sd
chance = np.abs(dataset.test.labels - stats.mean).mean(0) / stats.sd
print(json.dumps([error.tolist(), chance.tolist()]))
"""


def test_the_judge_learns_to_read_test_images():
    environment = os.environ | {
        "XLA_FLAGS": "",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": short_runs.__file__.rpartition("/")[0],
    }
    result = subprocess.run([sys.executable, "-c", JUDGE], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    error, chance = map(np.array, json.loads(result.stdout.splitlines()[-1]))
    assert (error[:2] < 0.4 * chance[:2]).all(), (error, chance)


def test_the_judge_is_reused_until_the_data_change(dataset, tmp_path, monkeypatch):
    first = cached_judge(dataset, 1, tmp_path)
    monkeypatch.setattr("cdae_jax.evaluation.judge.train_judge", lambda *_: pytest.fail("trained twice"))
    again = cached_judge(dataset, 1, tmp_path)
    np.testing.assert_array_equal(first(dataset.test.images)[0], again(dataset.test.images)[0])
    changed = dataset_of(Settings.from_dict(get_config("smoke").to_dict()))
    assert fingerprint(changed, 1) != fingerprint(dataset, 1) != fingerprint(dataset, 2)


def test_intervals_cover_the_mean_of_a_known_distribution():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        low, high = metrics.bootstrap_interval(rng.exponential(2.0, 100))
        inside += low < 2 < high
    assert 0.88 < inside / 200 <= 0.99
    values = np.array([1.0, np.nan, 3.0])
    found = metrics.mean_with_interval(values)
    assert found["mean"] == 2 and found["count"] == 2 and found["interval"][0] >= 1
    assert np.isnan(metrics.mean_with_interval(np.array([np.nan]))["mean"])


def test_gaps_are_normalised_for_numbers_and_zero_or_one_for_classes():
    graph = CausalGraph((Variable("a"), Variable("on", kind="binary")))
    gaps = metrics.absolute_gaps(
        graph, np.array([[3.0, 0.9], [1, 0.2]]), np.array([[1, 1], [np.nan, 1]]), np.array([4, 9])
    )
    np.testing.assert_array_equal(gaps, [[0.5, 0], [np.nan, 1]])


def test_ssim_is_one_for_equal_images_and_falls_with_noise():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 16, 16, 3), np.uint8)
    np.testing.assert_allclose(metrics.ssim(images, images), 1)
    noisy = np.clip(images + rng.normal(0, 40, images.shape), 0, 255).astype(np.uint8)
    assert (metrics.ssim(noisy, images) < 0.99).all() and (metrics.ssim(noisy, images) > 0.3).all()
    # Flat images: the mean's factor alone, (2 a b + c) / (a^2 + b^2 + c) with c = (0.01 * 255)^2.
    a, b, c = 100, 150, (0.01 * 255) ** 2
    flat = metrics.ssim(np.full((1, 16, 16, 1), a, np.uint8), np.full((1, 16, 16, 1), b, np.uint8))
    assert flat[0] == pytest.approx((2 * a * b + c) / (a**2 + b**2 + c))


def test_the_frechet_distance_of_gaussians_is_the_closed_form():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (40_000, 2)), rng.normal([1, 0], [2, 3], (40_000, 2))
    assert metrics.frechet_distance(a, b) == pytest.approx(1 + 1 + 4, rel=0.05)  # |gap|^2 + sum (sd - sd)^2
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    mix = np.array([[1.0, 0.7], [0.0, 1.0]])  # against SciPy's matrix square root
    first, second = np.cov(a @ mix, rowvar=False), np.cov(b, rowvar=False)
    gap = (a @ mix).mean(0) - b.mean(0)
    expected = gap @ gap + np.trace(first + second - 2 * scipy.linalg.sqrtm(first @ second).real)
    assert metrics.frechet_distance(a @ mix, b) == pytest.approx(expected, rel=1e-9)


def test_minimality_is_zero_for_no_change_and_one_for_becoming_another():
    rng = np.random.default_rng(0)
    factual, others = rng.normal(size=(50, 8)), rng.normal(size=(50, 8))
    np.testing.assert_array_equal(metrics.minimality(factual, factual, others), 0)
    assert metrics.minimality(factual, others, others).mean() == pytest.approx(1)
    half = (factual + others) / 2
    assert metrics.minimality(factual, half, others).mean() == pytest.approx(0.5)


def measured(mean, physical=2.0):
    return {"normalised": mean, "interval": [mean - 0.01, mean + 0.01], "physical": physical, "count": 3}


def test_the_report_shows_every_intervention_with_intervals(dataset):
    errors = {name: measured(0.1) for name in dataset.graph.names}
    both = {name: {**error, "predictor": measured(0.2, 4.0)} for name, error in errors.items()}
    spread = {"mean": 0.1, "interval": [0.05, 0.2], "count": 3}
    results = {
        "protocol": {
            "dataset": "X",
            "num_images": 3,
            "num_steps": 4,
            "solver": "bdia",
            "spacing": "uniform",
            "guidance": 1.0,
            "abduction": "noise",
            "corrections": 0,
            "fit_steps": 0,
            "decoder": "diffusion",
            "depth": 0.5,
            "reader": "direct measurement",
            "train_seed": 7,
            "revision": "abc",
        },
        "effectiveness": {"do(angle)": both | {"mean_of_others": spread}},
        "mean_effectiveness": spread,
        "unchanged": {"do(angle)": errors},
        "floor": {"factual": both, "do(angle)": both},
        "mechanism": {"do(angle)": {"length": errors["length"]}},
        "judge": {"validation": {"angle": 0.03}},
        "train": {"steps": 5},
    }
    text = report(results, dataset)
    assert "| do(angle) | **0.100** (0.090..0.110) [2] | 0.100 (0.090..0.110) [2] | *0.100* (0.090" in text
    assert text.count("| 0.100 (0.050..0.200) |") == 1  # the mean of the others
    assert "| do(angle), read by the predictor | **0.200** (0.190..0.210) [4]" in text
    assert "3 test images, bdia, 4 uniform steps from fresh noise at depth 0.5, guidance 1\n" in text
    assert "angle 0.030" in text and "seed 7" in text
    results["protocol"] |= {"abduction": "invert"}
    assert "bdia, 4 uniform steps each way to depth 0.5 (7 evaluations), guidance 1\n" in report(results, dataset)
    results["protocol"] |= {"corrections": 2}
    assert "each way to depth 0.5 (13 evaluations), guidance 1, corrections 2\n" in report(results, dataset)
    results["protocol"] |= {"fit_steps": 3}
    assert "guidance 1, corrections 2, labels fitted in 3 steps\n" in report(results, dataset)
