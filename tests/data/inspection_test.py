"""Inspection: the right graph shows no complaint, a wrong one does."""

import re

import numpy as np
import pytest
from scipy.stats import binom

from cdae_jax.data.inspection import check, describe, reversible, summary, told
from cdae_jax.graph import CausalGraph, Variable

RNG = np.random.default_rng(0)
ROOT = RNG.normal(size=1500)
MID = np.abs(ROOT) + 0.3 * RNG.normal(size=1500)  # depends on the root without correlation
LEAF = MID**2 + 0.5 * RNG.normal(size=1500)
LABELS = np.stack([ROOT, MID, LEAF, RNG.normal(size=1500)], -1)
CHAIN = CausalGraph((Variable("root"), Variable("mid", ("root",)), Variable("leaf", ("mid",)), Variable("alone")))


def _texts(labels, graph):
    return "\n".join(told(check(labels, graph), graph, len(labels)))


def test_the_right_graph_shows_its_edges_and_separates_the_rest():
    text = _texts(LABELS, CHAIN)
    assert text.count("seen in the labels") == 2 and text.count("nothing against it") == 4
    assert "CONTRADICTED" not in text and "NOT SEEN" not in text


def test_a_wrong_edge_and_a_missing_edge_are_pointed_out():
    wrong = CausalGraph((Variable("root"), Variable("mid"), Variable("leaf", ("mid",)), Variable("alone", ("root",))))
    text = _texts(LABELS, wrong)
    assert re.search("root -> alone: .* NOT SEEN: is this edge needed", text)
    assert re.search(
        "mid independent of root: .* CONTRADICTED: an edge root -> mid or mid -> root is missing, or they have a common"
        " cause",
        text,
    )


def test_a_suggested_edge_makes_no_cycle():
    root, mid = LABELS[:, 0], LABELS[:, 1]
    labels = np.stack([root, mid, mid + root + 0.5 * RNG.normal(size=len(root))], 1)
    chain = CausalGraph((Variable("root"), Variable("mid", ("root",)), Variable("leaf", ("mid",))))
    assert "CONTRADICTED: an edge root -> leaf is missing, or they have a common cause" in _texts(labels, chain)


def test_a_reversed_edge_of_a_collider_is_contradicted_and_of_a_chain_cannot_be_told():
    a, b = RNG.normal(size=(2, 400))
    labels = np.stack([a, b, a + b + 0.5 * RNG.normal(size=400)], 1)
    right = CausalGraph((Variable("a"), Variable("b"), Variable("c", ("a", "b"))))
    assert "CONTRADICTED" not in _texts(labels, right) and not reversible(right)
    wrong = CausalGraph((Variable("a", ("c",)), Variable("b"), Variable("c", ("b",))))
    assert "a independent of b given c: " in _texts(labels, wrong) and "CONTRADICTED" in _texts(labels, wrong)
    assert reversible(CHAIN) == ["root -> mid"]
    assert "no label tells the direction of: root -> mid" in _texts(LABELS, CHAIN)


@pytest.mark.parametrize("num", [100, 200])
def test_the_right_graph_is_seldom_contradicted_however_many_tests_there_are(num):
    graph = CausalGraph(tuple(Variable(name) for name in "abcdef"))  # 15 independences
    texts = (_texts(np.random.default_rng(seed).normal(size=(num, 6)), graph) for seed in range(20))
    assert sum("CONTRADICTED" in text for text in texts) <= binom.ppf(0.99, 20, 0.05)


def test_unlabelled_cells_are_counted_and_left_out():
    labels = LABELS.copy()
    labels[:500, 1] = np.nan
    line = next(
        line
        for line in describe(labels, np.zeros(labels.shape, bool), CHAIN).splitlines()
        if line.startswith("mid ") and "->" not in line
    )
    assert line.split()[3] == "1000"


def test_statistics_stand_in_columns_whatever_their_width():
    graph = CausalGraph((Variable("a_name_beyond_14_letters", unit="px"), Variable("tall", kind="binary")))
    labels = np.stack([np.repeat([-1.5e-6, 2.5e-6], 30), np.repeat([0, 0, 1], 20)], 1).astype(np.float32)
    lines = [line.split() for line in describe(labels, np.zeros(labels.shape, bool), graph).splitlines()]
    start = lines.index(["variable", "kind", "unit", "labelled", "mean", "sd", "lowest", "highest"])
    row = ["a_name_beyond_14_letters", "continuous", "px", "60", "5e-07", "2e-06", "-1.5e-06", "2.5e-06"]
    assert lines[start + 1 : start + 3] == [row, ["tall", "binary", "-", "60", "-", "-", "-", "-"]]
    start = lines.index(["correlation", "of", "the", "labels"])
    assert lines[start + 1 : start + 4] == [
        ["a_name_beyond_14_letters", "tall"],
        ["a_name_beyond_14_letters", "1.000", "0.707"],
        ["tall", "0.707", "1.000"],
    ]


def test_edges_kinds_and_classes_are_shown():
    graph = CausalGraph(
        (
            Variable("animal", kind="categorical", values=("cat", "cow", "dog")),
            Variable("size", ("animal",)),
            Variable("time", ("size",), unit="s"),
            Variable("legs"),
        )
    )
    time = 1_748_229_500 + 5.0 * np.arange(60)
    labels = np.stack([np.repeat([0, 0, 2], 20), np.linspace(1, 2, 60), time, np.repeat([2, 4], 30)], 1)
    labels[0] = np.nan
    text = summary(labels, graph)
    assert text.startswith("edges, cause -> effect\nanimal -> size\nsize -> time\nlegs (no edge)\n")
    assert "animal, images of each class: cat 39, dog 20" in text
    assert "legs has 2 different whole numbers: if they are classes" in text and "size has" not in text
    line = next(line for line in text.splitlines() if line.startswith("time "))
    assert line.split() == ["time", "continuous", "s", "59", "1748229650", "85.15", "1748229505", "1748229795"]


def test_too_few_whole_rows_are_not_compared_with_the_graph():
    labels = LABELS.copy()
    labels[49:, 0] = np.nan
    assert describe(labels, np.zeros(labels.shape, bool), CHAIN).endswith(
        "only 49 images have every label: too few to compare with the graph"
    )


def test_images_in_which_a_variable_was_set_say_nothing_of_the_graph():
    """Two roots that were set high together depend in those images alone."""
    rng = np.random.default_rng(1)
    graph, labels = CausalGraph((Variable("a"), Variable("b"))), rng.normal(size=(400, 2))
    was_set = np.zeros((400, 2), bool)
    labels[:80], was_set[:80] = 4 + 0.1 * rng.normal(size=(80, 2)), True
    assert "CONTRADICTED" in describe(labels, np.zeros_like(was_set), graph)
    told = describe(labels, was_set, graph)
    assert "nothing against it" in told and "CONTRADICTED" not in told and "tested on 320 images" in told
