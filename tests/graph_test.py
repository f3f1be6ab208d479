"""Causal graphs: order, ancestors, and refusals that name the culprit."""

import itertools

import jax
import numpy as np
import pytest

from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable


def make(**parents):
    return CausalGraph(tuple(Variable(name, tuple(of)) for name, of in parents.items()))


def test_order_and_ancestors_of_a_graph_given_backwards():
    graph = make(d=("c",), c=("a", "b"), b=(), a=())
    position = {graph.names[i]: place for place, i in enumerate(graph.order)}
    assert position["d"] > position["c"] > max(position["a"], position["b"])
    expected = np.array([[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]], bool)
    np.testing.assert_array_equal(graph.ancestor_matrix, expected)
    assert graph.descendants("a") == ("d", "c")
    assert graph.descendants("d") == ()


@pytest.mark.parametrize("seed", range(20))
def test_order_and_ancestors_of_random_graphs_match_their_definitions(seed):
    """The order is by depth (edges of the longest path from a root), and by index where the depth is the same."""
    rng = np.random.default_rng(seed)
    num = int(rng.integers(2, 12))
    rank = rng.permutation(num)  # what a variable may cause is of a higher rank
    causes = (rng.random((num, num)) < rng.random()) & (rank[None] < rank[:, None])  # (i, j): j is a parent of i
    graph = make(**{f"v{i}": [f"v{j}" for j in rng.permutation(np.flatnonzero(row))] for i, row in enumerate(causes)})
    walks = [np.linalg.matrix_power(causes.astype(int), length) > 0 for length in range(1, num)]
    depth = sum(walk.any(1).astype(int) for walk in walks)
    assert graph.order == tuple(sorted(range(num), key=lambda i: (depth[i], i)))
    np.testing.assert_array_equal(graph.ancestor_matrix, np.any(walks, axis=0))
    for j, name in enumerate(graph.names):
        assert graph.descendants(name) == tuple(np.array(graph.names)[graph.ancestor_matrix[:, j]])


def test_equal_graphs_are_one_static_argument():
    traced = []
    count = jax.jit(lambda graph: traced.append(graph) or len(graph.order), static_argnums=0)
    assert [int(count(make(a=(), b=("a",)))) for _ in range(2)] == [2, 2] and len(traced) == 1


@pytest.mark.parametrize(
    ("parents", "culprit"),
    [
        ({}, "no variables"),
        ({"a": ("b",)}, "names the parent 'b'"),
        ({"a": ("a",)}, "a -> a"),
        ({"a": ("c",), "b": ("a",), "c": ("b",), "root": ()}, "cycle"),
        ({"a": (), "b": ("a", "a")}, "repeats a parent"),
        ({"": ()}, "non-empty"),
    ],
)
def test_bad_graphs_are_refused_by_name(parents, culprit):
    with pytest.raises(InputError, match=culprit):
        make(**parents)


def test_cycle_message_walks_along_the_edges():
    with pytest.raises(InputError) as error:
        make(a=("c",), b=("a",), c=("b",))
    walk = str(error.value).split("cycle ")[1].split(":")[0].split(" -> ")
    edges = {("c", "a"), ("a", "b"), ("b", "c")}
    assert walk[0] == walk[-1] and set(itertools.pairwise(walk)) == edges
    assert str(error.value).endswith(": remove one of these edges")


def test_duplicate_names_and_unknown_kinds_are_refused():
    with pytest.raises(InputError, match="two variables are called 'a'"):
        CausalGraph((Variable("a"), Variable("a")))
    with pytest.raises(InputError, match="kind 'ordinal'"):
        CausalGraph((Variable("a", kind="ordinal"),))


def test_an_unknown_variable_gets_a_suggestion():
    with pytest.raises(InputError, match="did you mean 'thickness'"):
        make(thickness=(), intensity=("thickness",)).index("thicknes")


def test_plain_data_round_trip():
    graph = CausalGraph((Variable("a", unit="px"), Variable("b", ("a",), "binary")))
    assert CausalGraph.from_list(graph.to_list()) == graph
    with pytest.raises(InputError, match="expected the keys"):
        CausalGraph.from_list([{"name": "a", "parnets": []}])
