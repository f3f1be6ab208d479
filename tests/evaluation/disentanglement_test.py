"""DCI, interventional robustness and independence on codes whose answer is known."""

import numpy as np
import pytest

from cdae_jax.evaluation import disentanglement
from cdae_jax.graph import CLASS, CausalGraph, Variable

GRAPH = CausalGraph((Variable("a"), Variable("b", ("a",)), Variable("on", kind="binary")))
RNG = np.random.default_rng(0)
LABELS = np.stack([RNG.normal(size=1_000), RNG.normal(size=1_000), RNG.integers(0, 2, 1_000)], 1)


def test_dci_by_hand():
    perfect = np.eye(3)[:, [2, 0, 1]]
    assert disentanglement.dci(perfect) == pytest.approx((1, 1))
    assert disentanglement.dci(np.full((3, 3), 1 / 3)) == pytest.approx((0, 0))
    # Two codes for the first label: each serves one label, but the label needs both.
    split = np.array([[0.5, 0], [0.5, 0], [0, 1.0]])
    disentangled, complete = disentanglement.dci(split)
    assert disentangled == pytest.approx(1)
    assert complete == pytest.approx(((1 - np.log(2) / np.log(3)) + 1) / 2)
    # A code that serves both labels equally counts by its importance.
    shared = np.array([[0.5, 0.5], [0.5, 0.0], [0.0, 0.5]])
    assert disentanglement.dci(shared)[0] == pytest.approx(0.5)
    assert np.isnan(disentanglement.dci(np.ones((1, 1)))).all()


def test_boosted_trees_find_which_code_holds_which_label():
    codes = LABELS @ np.array([[0, 1.5, 0], [-2, 0, 0], [0, 0, 1.0]])
    codes = np.concatenate([codes, RNG.normal(size=(1_000, 1))], 1)
    labels = LABELS.copy()
    labels[::5, 0] = np.nan
    importance, read = disentanglement.importances(codes, labels, GRAPH)
    np.testing.assert_array_equal(importance.argmax(0), [1, 0, 2])
    np.testing.assert_allclose(importance.sum(0), 1)
    assert importance.max(0).min() > 0.95 and read.min() > 0.97
    _, nothing = disentanglement.importances(RNG.normal(size=(1_000, 2)), labels, GRAPH)
    assert nothing[0] < 0.1 and 0.35 < nothing[2] < 0.65


def test_blocks_that_hold_a_label_are_told_from_those_that_do_not():
    turn = np.linalg.qr(RNG.normal(size=(2, 2)))[0]
    noise = RNG.normal(size=(3, 1_000))
    # "b" in the first block whatever its axes, "a" with as much noise in the second, "on" in the last.
    own = [LABELS[:, 1], LABELS[:, 0] + noise[0], 3 * LABELS[:, 2] - 1]
    blocks = np.stack([np.stack([x, y], 1) @ turn for x, y in zip(own, noise[[1, 2, 1]], strict=True)], 1)
    labels = np.where(RNG.random(LABELS.shape) < 0.1, np.nan, LABELS)
    found = disentanglement.block_r2(blocks, labels, GRAPH)
    np.testing.assert_allclose(found, [[0, 1, 0], [0.5, 0, 0], [0, 0, 1]], atol=0.07)
    assert disentanglement.mcc(found) == pytest.approx((2 + np.sqrt(0.5)) / 3, abs=0.03)
    assert disentanglement.mcc(np.eye(3)[[1, 2, 0]]) == 1
    few = disentanglement.block_r2(blocks, np.where(np.arange(3) == 1, np.nan, labels), GRAPH)
    assert np.isnan(few[:, 1]).all() and np.isfinite(few[:, [0, 2]]).all() and np.isnan(disentanglement.mcc(few))


def test_robustness_is_one_for_a_code_of_the_label_alone_and_nothing_for_another():
    label = RNG.uniform(-1, 1, 4_000)
    own = np.stack([label, np.sin(label)], 1)
    assert disentanglement.interventional_robustness(own, label) > 0.98
    assert abs(disentanglement.interventional_robustness(RNG.normal(size=(4_000, 2)), label)) < 0.1
    mixed = own + 0.5 * RNG.uniform(-1, 1, (4_000, 1))
    assert 0.2 < disentanglement.interventional_robustness(mixed, label) < 0.8
    on = RNG.integers(0, 2, 4_000).astype(float)
    assert disentanglement.interventional_robustness(on[:, None] * 2, on, classes=2) == pytest.approx(1)
    assert np.isnan(disentanglement.interventional_robustness(own[:4], label[:4]))


def test_hsic_sees_dependence_that_is_no_correlation():
    x = RNG.normal(size=(400, 1))
    y = x**2 + 0.1 * RNG.normal(size=(400, 1))
    assert abs(np.corrcoef(x[:, 0], y[:, 0])[0, 1]) < 0.2
    assert disentanglement.hsic(x, y) > 0.1 > 0.05 > disentanglement.hsic(x, RNG.permutation(y))
    assert disentanglement.hsic(x, x) == pytest.approx(1)


def test_calibration_knows_a_standard_normal_from_another_and_noise_that_holds_its_parent():
    u = RNG.normal(size=(1_000, 3, 2))
    u[:, 0] *= 3
    good = disentanglement.calibration(u[:500], LABELS[:500], GRAPH)
    assert good["a"]["ks"] > 0.2 > 0.08 > good["b"]["ks"]
    assert "hsic" not in good["a"] and good["b"]["hsic"] < 2 * good["b"]["hsic_shuffled"]
    u[:, 1] = LABELS[:, :1]
    bad = disentanglement.calibration(u[:500], LABELS[:500], GRAPH)
    assert bad["b"]["hsic"] > 10 * bad["b"]["hsic_shuffled"]
    as_class = GRAPH.with_mechanisms({"b": CLASS})  # whose u is no noise
    assert "hsic" not in disentanglement.calibration(u[:500], LABELS[:500], as_class)["b"]
