"""Graphs in every form that users have, their directions, and the sentence for every mistake."""

import json
import re

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from cdae_jax.data.graph_files import graph_section, read_graph
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.settings.run import Settings
from configs.custom import get_config

EDGES = {("size", "glow"), ("size", "tone"), ("tone", "glow")}
MATRIX = pd.DataFrame(0, index=["size", "tone", "glow"], columns=["size", "tone", "glow"])
for cause, effect in EDGES:
    MATRIX.loc[cause, effect] = 1
LIST = pd.DataFrame(sorted(EDGES), columns=["cause", "effect"])
MAPPING = {"glow": ["size", "tone"], "tone": ["size"]}


def edges_of(graph):
    return {(parent, var.name) for var in graph.variables for parent in var.parents}


@pytest.mark.parametrize(
    "source",
    [
        MAPPING,
        MAPPING | {"size": None},
        {name: {"parents": parents} for name, parents in MAPPING.items()} | {"size": {"parents": None}},
        json.dumps(MAPPING),
        json.dumps(nx.node_link_data(nx.DiGraph(sorted(EDGES)), edges="edges")),
        nx.node_link_data(nx.DiGraph(sorted(EDGES)), edges="edges"),
        nx.node_link_data(nx.MultiDiGraph(sorted(EDGES)), edges="links"),
        nx.DiGraph(sorted(EDGES)),
        nx.MultiDiGraph(sorted(EDGES)),
        MATRIX,
        MATRIX.astype(bool),
        MATRIX.loc[["glow", "size", "tone"], ["tone", "glow", "size"]],
        MATRIX.reset_index(drop=True),
        MATRIX.replace(0, np.nan),
        LIST,
        LIST[["effect", "cause"]],
        LIST.rename(columns={"cause": "Parents", "effect": "node"}),
        LIST.rename(columns={"cause": "parent", "effect": "child"})[["child", "parent"]],
        LIST.rename(columns={"cause": "PARENTS", "effect": "child"})[["child", "PARENTS"]],
        LIST.rename(columns={"cause": "parent", "effect": "variable"})[["variable", "parent"]],
        LIST.rename(columns={"cause": "src", "effect": "dst"})[["dst", "src"]],
        LIST.rename(columns={"cause": "From Node", "effect": "to_node"})[["to_node", "From Node"]],
        LIST.rename(columns={"cause": "cause(s)", "effect": "effect(s)"})[["effect(s)", "cause(s)"]],
        LIST.rename(columns={"cause": "exposure", "effect": "y"})[["y", "exposure"]],
        LIST.rename(columns={"cause": "x", "effect": "children"})[["children", "x"]],
        nx.to_pandas_edgelist(nx.DiGraph(sorted(EDGES)), source="treatment", target="outcome")[
            ["outcome", "treatment"]
        ],
        LIST.reset_index(names="Unnamed: 0"),
        pd.concat([LIST.assign(weight=-2), pd.DataFrame({"cause": ["glow"], "effect": ["size"], "weight": [0]})]),
        "digraph { size -> {glow tone}; tone -> glow }",
        "strict digraph g {\n // a note\n# another\n rankdir=LR; node [shape=box]\n"
        " size -> tone -> glow [color=red];; size->glow }",
        "# a note\ndigraph {\n graph [rankdir=LR]\n"
        "\t # glow -> size;\r\n  # size -> old\n size -> {glow tone}; tone -> glow }",
        "digraph { edge [color=red, dir=back]; glow -> {size tone}; tone -> size [color=blue] }",
        "digraph { Edge [dir=back] glow -> size [penwidth=2]; tone -> glow [dir=forward]; tone -> size }",
        "digraph { subgraph a { edge [dir=back]; glow -> size; { tone -> size } } tone -> glow }",
        'digraph { node [label="\\N"]; n1 [label=size]; n2 [label=glow]; n3 [label=tone] n1 -> {n2 n3} n3 -> n2 }',
        'digraph { subgraph cluster_1 { size -> "tone"; } glow -> tone [dir=back]; size:e -> glow:w /* a note */ }',
        "digraph { 0 [label=size]; 1 [label=glow]; 2 [label=tone]; 0 -> 1; 0 -> 2; 2 -> 1 }",
        'dag {\nbb="0,0,1,1"\nsize [exposure,pos="0.2,0.5"]\nglow [outcome,pos="0.6,0.5"]\n'
        "size -> glow\nsize -> tone [pos=1]\nglow <- tone\n}\n",
        "dag{ size -> tone -> glow ; {size} -> {glow tone} }",
        'graph [ directed 1 node [ id 0 label "size" ] node [ id 1 label "glow" ] node [ id 2 label "tone" ]'
        " edge [ source 0 target 1 ] edge [ source 0 target 2 ] edge [ source 2 target 1 ] ]",
        'graph[directed 1 node[id "size"] node[id "glow"] node[id "tone"] edge[source "size" target "glow"]'
        'edge[source "size" target "tone"] edge[source "tone" target "glow"]]',
    ],
)
def test_every_form_has_the_same_directions(source):
    graph = read_graph(source)
    assert edges_of(graph) == EDGES and all(var.kind == "auto" for var in graph.variables)


def write(path, frame, **options):
    (frame.to_excel if path.suffix == ".xlsx" else frame.to_csv)(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "frame", "options"),
    [
        ("a.csv", MATRIX, {}),
        ("a.tsv", MATRIX, {"sep": "\t"}),
        ("a.csv", MATRIX, {"index": False}),
        ("a.xlsx", MATRIX, {}),
        ("e.csv", LIST, {}),
        ("e.csv", LIST, {"index": False, "sep": ";"}),
        ("e.csv", LIST, {"index": False, "header": False}),
        ("e.csv", LIST.rename(columns={"cause": "Parents", "effect": "child"})[["child", "Parents"]], {"index": False}),
        ("e.csv", LIST.rename(columns={"cause": "parent", "effect": "node"})[["node", "parent"]], {}),
        ("e.csv", LIST.assign(Weight=True), {}),
        ("e.csv", LIST.assign(weight=0.5)[["weight", "effect", "cause"]], {"index": False}),
        ("e.xlsx", LIST, {"index": False}),
    ],
)
def test_tables_of_edges_and_adjacency_tables_are_files_too(tmp_path, name, frame, options):
    assert edges_of(read_graph(write(tmp_path / name, frame, **options))) == EDGES


def test_a_file_is_told_by_what_it_holds(tmp_path):
    for name, text in (("graph.txt", "dag { a -> b }"), ("graph", "digraph { a -> b }"), ("[1].json", '{"b": ["a"]}')):
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
        assert str(read_graph(str(tmp_path / name))) == "a -> b"


def test_the_direction_is_shown():
    assert (
        str(read_graph(nx.to_dict_of_lists(nx.DiGraph([("size", "glow")])))) == "glow -> size"
    )  # the child comes first
    assert str(read_graph({"glow": ["size"], "alone": []})) == "size -> glow\nalone (no edge)"


def test_what_a_variable_says_of_itself_is_read():
    expected = [("animal", "categorical", 3, ""), ("size", "continuous", 0, "mm"), ("on", "binary", 2, "")]
    sources = (
        {
            "animal": {"classes": 3},
            "size": {"parents": ["animal"], "unit": "mm", "kind": "continuous"},
            "on": {"parents": ["size"], "kind": "binary"},
        },
        "digraph { animal [classes=3]; size [unit=mm kind=continuous]; on [kind=binary]; animal -> size -> on }",
        'graph [ directed 1 node [ id 0 label "animal" classes 3 ]'
        ' node [ id 1 label "size" unit "mm" kind "continuous" ] node [ id 2 label "on" kind "binary" ]'
        " edge [ source 0 target 1 ] edge [ source 1 target 2 ] ]",
    )
    for source in sources:
        graph = read_graph(source)
        assert [(var.name, var.kind, var.classes, var.unit) for var in graph.variables] == expected
    for classes in ({"animal": {"classes": ["cat", "dog"]}}, 'dag { animal [values="cat,dog"] }'):
        var = read_graph(classes).variables[0]
        assert (var.kind, var.classes, var.values) == ("binary", 2, ("cat", "dog"))


def test_defaults_of_nodes_are_of_those_declared_after_them_in_their_group():
    graph = read_graph("digraph { a; subgraph { node [kind=binary]; b; c [kind=continuous] } d -> {a b}; }")
    assert {var.name: var.kind for var in graph.variables} == dict(a="auto", b="binary", c="continuous", d="auto")


def test_a_variable_may_be_a_weight(tmp_path):
    (tmp_path / "e.csv").write_text("weight,height\nage,weight\nage,height\n")
    assert edges_of(read_graph(tmp_path / "e.csv")) == {("weight", "height"), ("age", "weight"), ("age", "height")}


def test_an_edge_of_weight_0_leaves_its_variables():
    table = pd.DataFrame({"cause": ["a", "b"], "effect": ["b", "c"], "weight": [0.0, 0.3]})
    assert edges_of(read_graph(table)) == {("b", "c")} and set(read_graph(table).names) == {"a", "b", "c"}


@pytest.mark.parametrize("text", ["treatment,outcome\nage,treatment\nage,outcome", "exposure,y\ny,z\nx,y", "a,b\nc,d"])
def test_a_first_line_that_may_be_a_header_or_an_edge_is_refused(tmp_path, text):
    (tmp_path / "e.csv").write_text(text)
    with pytest.raises(InputError, match="does not say which is the cause: call the columns cause and effect"):
        read_graph(tmp_path / "e.csv")
    (tmp_path / "e.csv").write_text(f"cause,effect\n{text}")
    assert edges_of(read_graph(tmp_path / "e.csv")) == {tuple(line.split(",")) for line in text.split("\n")}


@pytest.mark.parametrize(
    "name", ["disc.size", "disc size", "width/height", "大小", "größe", 'say "so"', "a-b", "x[1]", "μ, τ"]
)
def test_names_may_be_of_any_script_and_have_any_mark(name, tmp_path):
    quoted = json.dumps(name, ensure_ascii=False)
    path = tmp_path / "graph.json"
    for text in (f"digraph {{ {quoted} -> glow }}", f"dag {{ glow <- {quoted} }}", json.dumps({"glow": [name]})):
        assert edges_of(read_graph(text)) == {(name, "glow")}
        path.write_text(text)
        settings = Settings.from_dict(get_config(f"cpu,{path}").to_dict())
        assert set(settings.graph.names) == {name, "glow"} and settings.graph == read_graph(text)
        assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_names_that_a_config_would_confuse_stay_apart():
    graph = read_graph({"a_b": ["a.b"], "a.b": [], "a__b": []})
    section = graph_section(graph)
    assert len(section) == 3 and not any("." in key for key in section)
    assert CausalGraph.from_list([{"name": key, **spec} for key, spec in section.items()]) == graph


def test_a_graph_comes_back_as_it_is():
    graph = CausalGraph((Variable("a"), Variable("b", ("a",))))
    assert read_graph(graph) is graph


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('{"glow": ["size"], "glow": ["tone"]}', "has 'glow' twice: write all parents into one list"),
        ('{"glow": {"unit": "a", "unit": "b"}}', "has 'unit' twice"),
        ({"glow": "size"}, r"the parents of 'glow' are 'size': expected a list such as \[\"size\"\]"),
        ({"glow": {"parents": "ab"}, "a": [], "b": []}, r"the parents of 'glow' are 'ab': expected a list such as"),
        ({"glow": {"parents": 3}}, "the parents of 'glow' are 3: expected a list"),
        ({"glow": {"parnets": []}}, "expected the keys"),
        ({"glow": ["glow"]}, "cycle glow -> glow"),
        ({}, "no variables"),
        ("{", "cannot be read as JSON"),
        ("\n", "the graph is empty: expected JSON such as"),
        ("[[0, 1], [0, 0]]", "the graph is a list, not a mapping .*: name the variables"),
        ("size glow\n", "the graph begins with 'size glow': expected JSON such as"),
        ("digraph { size -> ", "ends before its closing }"),
        ("digraph { size -> }", "'}' where a name was expected"),
        ("digraph { a -> b } digraph { c -> d }", "goes on with 'digraph' after its closing }"),
        ("digraph { a > b }", "cannot be read from '> b }' on: put odd names in quotes"),
        (
            "graph { size -- glow }",
            "size -- glow, which does not say which is the cause: write size -> glow or glow -> s",
        ),
        ("digraph { a -> b [dir=none] }", "which does not say which is the cause"),
        ("digraph { edge [dir=none]; a -> b }", "a -- b, which does not say which is the cause"),
        ("digraph { edge [arrowhead=none]; a -> b }", "a -- b, which does not say which is the cause"),
        ("digraph { a -> b [dir=back, arrowtail=none] }", "a -- b, which does not say which is the cause"),
        ("digraph { edge [dir=both]; { a -> b } }", "a hidden common cause"),
        ("digraph { node [latent]; a -> b }", "nobody sees 'a'"),
        ("digraph { a -> b # why\n }", "cannot be read from '# why"),
        ("dag { a <-> b }", "a <-> b, a hidden common cause, which cannot be learned: leave it out"),
        ("digraph { a -> b [dir=both] }", "a hidden common cause"),
        ("pdag { a -> b }", "expected a graph whose edges all have a direction"),
        ("dag { U [latent] U -> a }", "nobody sees 'U': every variable needs labels, .* take it out of the graph"),
        ("dag { a -> b; U [pos=1, unobserved] }", "nobody sees 'U'"),
        ('digraph { U [observed="no"]; U -> a }', "nobody sees 'U'"),
        ('graph [ directed 1 node [ id 0 label "U" observed "no" ] ]', "nobody sees 'U'"),
        ('graph [ node [ id 0 label "a" ] ]', "have no direction: .* GML: directed 1"),
        ("graph [ directed 1 node [", "cannot be read as GML"),
        (nx.Graph([("a", "b")]), "the edges of the graph have no direction"),
        (
            MATRIX.replace(1, 0.5),
            r"has 0.5 in the row 'size' .*: expected 1 if size is a cause of .* \(row -> column\)",
        ),
        (MATRIX.replace(1, -1), "has -1 in the row"),
        (
            pd.DataFrame({"a": ["x"], "b": ["y"], "c": ["z"]}),
            "the columns a, b, c: expected two, cause and effect, or an adj",
        ),
        (LIST.rename(columns={"cause": "a", "effect": "b"}), "begins with 'a', 'b', which does not say which is"),
        (
            LIST.rename(columns={"cause": "from", "effect": "source"}),
            "begins with 'from', 'source', which does not say",
        ),
        (LIST.rename(columns={"cause": "node", "effect": "variable"}), "call the columns cause and effect"),
        (LIST.assign(type="undirected"), "the columns cause, effect, type: expected two, .*; besides, only a weight"),
        (LIST.assign(weight="strong"), "the table of the graph has the weight 'strong': expected a number, of which 0"),
        (LIST.assign(strength=[np.nan, 1, 1]), "has the strength '': expected a number"),
        ({"nodes": ["a"], "links": []}, "cannot be read as networkx' node-link data"),
        ({"nodes": [{"id": "a"}], "links": []}, "the edges of the graph have no direction"),
        (3, "the graph is a int: expected JSON"),
        ("nowhere.json", "the graph file 'nowhere.json' cannot be read .*: expected JSON"),
    ],
)
def test_every_mistake_is_named(source, message):
    with pytest.raises(InputError, match=message) as error:
        read_graph(source)
    assert "\n" not in str(error.value)


def test_a_mistake_in_a_file_names_the_file(tmp_path):
    (tmp_path / "graph.dot").write_text("")
    with pytest.raises(InputError, match=re.escape(f"the graph file '{tmp_path}/graph.dot': the graph is empty")):
        read_graph(tmp_path / "graph.dot")
    with pytest.raises(ValueError, match="the graph is empty"):
        get_config(f"cpu,{tmp_path}/graph.dot")


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ({"a": {"values": 2}}, "the values of 'a' are 2: expected a list"),
        ({"a": {"values": "no,yes"}}, "the values of 'a' are 'no,yes': expected a list"),
        ({"c": [["a"]]}, "the parents of 'c' have .'a'.: expected names"),
        ({"c": [{"name": "a"}]}, "the parents of 'c' have .*: expected names"),
        ({"a": {"part": ["x", "y"]}}, "the part of 'a' is .'x', 'y'.: expected a text"),
        ({"a": {"unit": ["mm"]}}, "the unit of 'a' is .'mm'.: expected a text"),
        ("graph [ directed 1 node 5 ]", "cannot be read as GML"),
    ],
)
def test_odd_graphs_are_named(graph, message):
    with pytest.raises(InputError, match=message):
        read_graph(graph)


def test_an_empty_table_is_no_graph(tmp_path):
    (tmp_path / "graph.csv").write_text("")
    with pytest.raises(InputError, match="empty"):
        read_graph(tmp_path / "graph.csv")


def test_arrays_are_lists_too():
    graph = read_graph({"c": {"parents": np.array(["a", "b"]), "values": np.array(["no", "yes"])}})
    assert graph.names == ("a", "b", "c") and graph.variables[2].values == ("no", "yes")


def test_parts_and_units_may_be_numbers_or_missing():
    graph = read_graph({"a": {"part": 1, "unit": float("nan")}, "b": {"parents": ["a"], "part": 2}})
    assert [(var.part, var.unit) for var in graph.variables] == [("1", ""), ("2", "")]
