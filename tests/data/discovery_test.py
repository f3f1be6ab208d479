"""A learned graph beside the given one: a collider is found with its directions, a chain without them."""

import sys

import numpy as np
import pytest

from cdae_jax.data.discovery import beside, check_installed, learn
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable


def test_a_collider_is_learned_with_its_directions_and_a_chain_without():
    pytest.importorskip("causallearn")
    a, b, noise, other = np.random.default_rng(0).normal(size=(4, 500))
    c = a + b**2 + 0.5 * noise
    learned = learn(np.stack([a, b, c], 1), (0, 0, 0))
    np.testing.assert_array_equal(learned, [[0, 0, 1], [0, 0, 1], [0, 0, 0]])
    middle = a + 0.5 * noise
    learned = learn(np.stack([a, middle, middle + 0.5 * other > 0], 1), (0, 0, 2))
    np.testing.assert_array_equal(learned, [[0, 1, 0], [1, 0, 1], [0, 1, 0]])


def test_every_edge_of_either_graph_has_a_line():
    given = CausalGraph((Variable("a"), Variable("b", ("a",)), Variable("c", ("a", "b")), Variable("d", ("c",))))
    learned = np.zeros((4, 4), bool)
    learned[0, 1] = learned[0, 2] = learned[2, 0] = learned[2, 1] = learned[0, 3] = True
    assert beside(learned, given) == [
        "a -> b: kept",
        "a -> c: kept, its direction open",
        "b -> c: REVERSED",
        "c -> d: MISSING",
        "a -> d: ADDED",
    ]
    assert beside(np.zeros((1, 1), bool), CausalGraph((Variable("a"),))) == ["no edge in either graph"]


def test_without_causal_learn_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "causallearn", None)
    with pytest.raises(InputError, match=r"not installed: run pip install \"cdae_jax\[discovery\]\""):
        check_installed()
