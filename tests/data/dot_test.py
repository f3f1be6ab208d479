"""The language of DOT and dagitty: names, chains, groups, options (what graphs they make: `graph_files_test`)."""

import pytest

from cdae_jax.data.dot import Reader, options_of, unquoted
from cdae_jax.errors import InputError


def test_chains_groups_and_both_directions_are_edges_from_cause_to_effect():
    found = Reader("digraph { a -> b -> c; {d e} -> a; }")
    assert found.edges == [("a", "b"), ("b", "c"), ("d", "a"), ("e", "a")]
    assert Reader("dag { b <- a }").edges == [("a", "b")]


def test_names_in_quotes_may_hold_anything():
    found = Reader(r'digraph { "width / height" -> "a \"b\""; "x -> y" }')
    assert found.edges == [("width / height", 'a "b"')] and list(found.nodes)[-1] == "x -> y"
    assert unquoted(r'"a \"b\""') == 'a "b"' and unquoted("plain") == "plain"


def test_options_are_read_with_and_without_values():
    assert options_of('[unit="mm", latent]') == {"unit": "mm", "latent": ""}
    assert Reader('digraph { a [kind=binary, unit="°C"] }').nodes == {"a": {"kind": "binary", "unit": "°C"}}


@pytest.mark.parametrize("text", ["digraph { a -> b", "digraph { a } digraph { b }", "graph { a -- b }"])
def test_broken_texts_and_edges_without_direction_are_refused(text):
    with pytest.raises(InputError):
        Reader(text)


def test_ports_and_repeated_options_are_read():
    read = Reader('digraph { a:e->b; "c":"n w" -> b:w [color=red] [style=bold]; a [unit="mm"] [kind=binary] }')
    assert read.edges == [("a", "b"), ("c", "b")] and read.nodes["a"] == {"unit": "mm", "kind": "binary"}
    with pytest.raises(InputError, match="does not say which is the cause"):
        Reader("dag { a:e--b; c -> d }")
