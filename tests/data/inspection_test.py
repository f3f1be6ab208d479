"""Inspection: the right graph shows no complaint, a wrong one does."""

import numpy as np
import pytest

from cdae_jax.data.inspection import INDEPENDENT, dependence, describe, edges, separations, summary
from cdae_jax.graph import CausalGraph, Variable

RNG = np.random.default_rng(0)
ROOT = RNG.normal(size=1500)
MID = np.abs(ROOT) + 0.3 * RNG.normal(size=1500)  # depends on the root without correlation
LEAF = MID**2 + 0.5 * RNG.normal(size=1500)
LABELS = np.stack([ROOT, MID, LEAF, RNG.normal(size=1500)], -1)
CHAIN = CausalGraph((Variable("root"), Variable("mid", ("root",)), Variable("leaf", ("mid",)), Variable("alone")))


def test_mutual_information_of_gaussians_matches_the_closed_form():
    rho = 0.8
    a = RNG.normal(size=4000)
    b = rho * a + np.sqrt(1 - rho**2) * RNG.normal(size=4000)
    assert dependence(a, b) == pytest.approx(-0.5 * np.log(1 - rho**2), abs=0.06)
    assert dependence(a, RNG.normal(size=4000)) < INDEPENDENT


def test_the_right_graph_shows_its_edges_and_separates_the_rest():
    assert all(nats > 0.3 for _, _, nats in edges(LABELS, CHAIN))
    assert all(nats < INDEPENDENT for _, _, nats in separations(LABELS, CHAIN))
    assert "looks" not in describe(LABELS, CHAIN)


def test_a_wrong_edge_and_a_missing_edge_are_pointed_out():
    wrong = CausalGraph((Variable("root"), Variable("mid"), Variable("leaf", ("mid",)), Variable("alone", ("root",))))
    text = describe(LABELS, wrong)
    assert "root -> alone: 0.0" in text and "is this edge right?" in text
    assert "mid, root" in text and "is an edge missing?" in text


def test_a_binary_collider_hides_nothing_that_its_parents_explain():
    a = RNG.normal(size=2_000)
    b = a + 0.5 * RNG.normal(size=2_000)
    on = RNG.random(2_000) < 1 / (1 + np.exp(-2 * b))
    labels = np.stack([a, b, on], 1)
    graph = CausalGraph((Variable("a"), Variable("b", ("a",)), Variable("on", ("b",), kind="binary")))
    assert all(nats < INDEPENDENT for _, _, nats in separations(labels, graph))
    wrong = CausalGraph((Variable("a"), Variable("b", ("a",)), Variable("on", kind="binary")))
    assert max(nats for name, _, nats in separations(labels, wrong) if name == "on") > INDEPENDENT


def test_unlabelled_cells_are_counted_and_left_out():
    labels = LABELS.copy()
    labels[:500, 1] = np.nan
    line = next(line for line in describe(labels, CHAIN).splitlines() if line.startswith("mid ") and "->" not in line)
    assert line.split()[3] == "1000"


def test_statistics_stand_in_columns_whatever_their_width():
    graph = CausalGraph((Variable("a_name_beyond_14_letters", unit="px"), Variable("tall", kind="binary")))
    labels = np.stack([np.repeat([-1.5e-6, 2.5e-6], 30), np.repeat([0, 0, 1], 20)], 1).astype(np.float32)
    lines = [line.split() for line in describe(labels, graph).splitlines()]
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
    assert describe(labels, CHAIN).endswith("only 49 images have every label: too few to compare with the graph")
