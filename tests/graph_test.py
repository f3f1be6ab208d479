"""Causal graphs: order, ancestors, and refusals that name the culprit."""

import itertools
import json

import jax
import numpy as np
import pytest

from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable, as_file_name, as_number


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
    animal = Variable("c.d", kind="categorical", values=("cat", "dog", "cow"))
    graph = CausalGraph((Variable("a", unit="px"), Variable("b", ("a",), "binary"), animal, Variable("e", kind="auto")))
    assert CausalGraph.from_list(json.loads(json.dumps(graph.to_list()))) == graph
    assert list(graph.to_dict()) == ["a", "b", "c.d", "e"] and hash(graph) == hash(
        CausalGraph.from_list(graph.to_list())
    )
    assert CausalGraph.from_list([{"name": "a", "parents": None}]) == CausalGraph((Variable("a"),))  # JSON's null
    with pytest.raises(InputError, match=r"the parents of the variable 'b' are 'a': expected a list such as \[\"a\"\]"):
        CausalGraph.from_list([{"name": "a"}, {"name": "b", "parents": "a"}])
    with pytest.raises(InputError, match="expected the keys"):
        CausalGraph.from_list([{"name": "a", "parnets": []}])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "categorical", "classes": 1}, "classes=1: expected 2 or more"),
        ({"kind": "categorical", "classes": True}, "classes=True: expected 2 or more"),
        ({"kind": "continuous", "classes": 3}, "the continuous variable 'a' has classes=3: leave them out"),
        (
            {"kind": "categorical", "classes": 3, "values": ("x", "y")},
            "has 3 classes and the values x, y: expected a diff",
        ),
        ({"kind": "binary", "values": ("x", "X")}, "expected a different one for each class"),
        ({"kind": "continuous", "values": ("x", "y")}, "leave them out"),
    ],
)
def test_classes_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        CausalGraph((Variable("a", **changes),))


ANIMAL = Variable("animal", kind="categorical", values=("cat", "Dog", "große Maus"))


@pytest.mark.parametrize(
    ("var", "given", "codes"),
    [
        (ANIMAL, "dog", 1),
        (ANIMAL, [["cat"], [" Dog "]], [[0], [1]]),
        (ANIMAL, "GROSSE MAUS", 2),
        (ANIMAL, np.array(["cat", "Dog"], object), [0, 1]),
        (Variable("a", kind="binary"), [0, 1.0, True, "1"], None),
        (Variable("a", kind="binary"), [False, True], [0, 1]),
        (Variable("a", kind="binary", values=("-1", "1")), [-1, 1, 1.0], [0, 1, 1]),
        (Variable("a", kind="binary", values=("-1", "1")), [True, False], [1, 0]),
        (Variable("a", kind="binary", values=("no", "yes")), [True, False], [1, 0]),
        (Variable("a", kind="binary", values=("no", "yes")), [1, 0], [1, 0]),
        (Variable("a", kind="binary", values=("False", "True")), ["false", "TRUE"], [0, 1]),
        (Variable("a", kind="binary", values=("1", "2")), [1, 2], [0, 1]),
        (Variable("a", kind="categorical", values=("1", "2", "10")), ["10", "1.0"], [2, 0]),
        (Variable("a"), [1, 2.5], [1, 2.5]),
        (Variable("a"), 1_748_229_505, 1_748_229_505),
        (Variable("a"), True, 1),
    ],
)
def test_labels_as_tables_spell_them_become_codes_and_numbers(var, given, codes):
    found = var.codes(given)
    assert found.dtype == np.float64 and found.shape == np.shape(given)
    np.testing.assert_array_equal(found, [0, 1, 1, 1] if codes is None else codes)
    if var.classes:
        assert [var.codes(var.spell(code)) for code in found.ravel()] == list(found.ravel())


@pytest.mark.parametrize(
    ("var", "given", "message"),
    [
        (ANIMAL, "cow", "'cow' is no class of 'animal', whose classes are cat, Dog, große Maus"),
        (ANIMAL, "dgo", "did you mean 'dog'"),
        (ANIMAL, 1, "1 is no class of 'animal'"),
        (ANIMAL, True, "True is no class"),
        (ANIMAL, np.nan, "nan is no class"),
        (Variable("a", kind="binary", values=("1", "2")), True, "True is no class of 'a', whose classes are 1, 2"),
        (Variable("a", kind="binary", values=("-1", "1")), 0, "0 is no class"),
        (Variable("a", kind="binary"), 0.5, "0.5 is no class"),
        (Variable("a", kind="binary"), "+1", "'\\+1' is no class"),
        (Variable("a"), "1", "'1' is no finite number"),
        (Variable("a"), [1, np.inf], "is no finite number"),
        (Variable("a"), None, "None is no finite number"),
        (Variable("a"), [[1], [1, 2]], "lists of different lengths"),
    ],
)
def test_what_is_no_label_is_refused(var, given, message):
    with pytest.raises(InputError, match=message):
        var.codes(given)


def test_labels_are_spelled_by_the_nearest_class():
    assert [ANIMAL.spell(label) for label in (-3, 0.4, 0.6, 1, 7.2)] == ["cat", "cat", "Dog", "Dog", "große Maus"]
    assert Variable("a", kind="binary").spell(0.9) == "1" and Variable("a").spell(2.5) == "2.5"


def test_values_of_labels_are_spelled_for_do():
    graph = CausalGraph((Variable("size"), ANIMAL, Variable("on", kind="binary", values=("1", "2"))))
    found = graph.spelled({"size": np.arange(2.0), "animal": np.array([2.0, 0.0]), "on": 1})
    assert found["size"].tolist() == [0, 1] and found["animal"].tolist() == ["große Maus", "cat"] and found["on"] == "2"
    assert graph.spelled({"animal": "cat"}) == {"animal": "cat"}


@pytest.mark.parametrize("text", ["1_0", "", "inf", "nan", "1e999", "0x1f", "1,5", "٣", "1 0", "--1", "."])
def test_what_only_looks_like_a_number_is_none(text):
    assert as_number(text) is None


def test_file_names_hold_no_separators_and_differ_where_names_do():
    names = ["width", "width/height", "width=2Fheight", "a:b", "a\\b", "大小", "a b.c", "a?b"]
    found = [as_file_name(name) for name in names]
    assert found[0] == "width" and found[1] == "width=2Fheight" and found[5:7] == ["大小", "a b.c"]
    assert len(set(found)) == len(names) and not any(mark in name for name in found for mark in "/\\:?")
