"""A causal graph from whatever the user has: a file, a text, a mapping, a table, or an object of networkx."""

import json
import os
import pathlib
import re
from collections.abc import Mapping

import networkx as nx
import numpy as np
import pandas as pd

from cdae_jax.data.dot import START, Reader
from cdae_jax.data.table import decoded, read_cells, some
from cdae_jax.errors import InputError
from cdae_jax.graph import AUTO, NO_HIDDEN, CausalGraph, as_number, plain
from cdae_jax.paths import expanded

FORMS = 'JSON such as {"child": ["parent"]}, DOT, dagitty, GML, a list of edges or an adjacency table'
TABLES = (".csv", ".tsv", ".xlsx", ".xlsm", ".parquet", ".pq")
ROLES = {  # of the columns of a table of edges
    **dict.fromkeys(("cause", "parent", "source", "src", "from", "exposure", "treatment"), "cause"),
    **dict.fromkeys(("effect", "child", "children", "target", "dst", "to", "outcome"), "effect"),
    **dict.fromkeys(("weight", "strength", "coefficient", "coef"), "weight"),
}
ATTRIBUTES = ("kind", "unit", "part", "classes", "values")  # what a variable may say of itself
MARKS = {"": 0, "false": 0, "true": 1}  # of adjacency tables, besides numbers


def read_graph(source) -> CausalGraph:
    """Reads a graph. Kinds of variables that it does not state are left open, to be read from the labels (`kinds`).

    Args:
      source: one of
        - a path, or a text: JSON, DOT, dagitty or GML, told apart by what they hold; a .csv, .tsv, .xlsx or .parquet
          file with two columns, cause and effect, in the order that the header says (child and parents, from and
          to, ...) or cause first without a header, and perhaps a weight (0 is no edge); or with an adjacency table;
        - a mapping, in JSON too: child -> its parents, or child -> {"parents": [...], "kind": ..., "unit": ...,
          "classes": ..., "part": ...}. The child comes first: networkx' dict_of_lists is the other way round; or
          networkx' node-link data;
        - an adjacency DataFrame of 0 and 1, row -> column: a 1 in row "size" and column "glow" is size -> glow; or one
          of edges, as above;
        - a networkx DiGraph; a CausalGraph, which comes back as it is.

    Variables of DOT, GML and networkx may have the attributes kind, unit, classes, values and part.

    Raises:
      InputError: a file that cannot be read, keys that are given twice, parents that are no list, an edge without a
        direction, a hidden variable, and what `CausalGraph` refuses.
    """
    if isinstance(source, CausalGraph):
        return source
    if isinstance(source, Mapping):
        return _of_mapping(source)
    if isinstance(source, pd.DataFrame):
        return _of_frame(source)
    if isinstance(source, nx.Graph):
        return _of_networkx(source)
    if not isinstance(source, str | pathlib.Path):
        raise InputError(f"the graph is a {type(source).__name__}: expected {FORMS}, a mapping or a networkx DiGraph")
    if isinstance(source, str) and re.search(r"[{\[\n]", source) and not os.path.isfile(source):
        return _of_text(source)
    path = expanded(source)
    if path.suffix.lower() in TABLES:
        return _of_cells(read_cells(path))
    try:
        text = decoded(path)
    except (OSError, UnicodeError) as err:
        raise InputError(f"the graph file {str(path)!r} cannot be read ({err}): expected {FORMS}") from err
    try:
        return _of_text(text)
    except InputError as err:
        raise InputError(f"the graph file {str(path)!r}: {err}") from err


def graph_section(source) -> dict[str, dict]:
    """`read_graph` as a section of a config. Config fields cannot hold dots: such a name is kept in "name" instead."""
    section: dict[str, dict] = {}
    for spec in read_graph(source).to_list():
        key = spec["name"].replace(".", "_")
        while key in section:
            key += "_"
        section[key] = spec if key != spec["name"] else {name: spec[name] for name in spec if name != "name"}
    return section


def _of_text(text: str) -> CausalGraph:
    bare = text.strip()
    if not bare:
        raise InputError(f"the graph is empty: expected {FORMS}")
    if bare[0] in "{[":
        return _of_json(bare)
    if START.search(text):
        return _of_reader(Reader(text))
    if re.search(r"^\s*graph\s*\[", text, re.MULTILINE):
        return _of_gml(text)
    raise InputError(f"the graph begins with {bare[:40]!r}: expected {FORMS}")


def _of_json(text: str) -> CausalGraph:
    def unique(pairs):
        names = [name for name, _ in pairs]
        again = sorted({name for name in names if names.count(name) > 1})
        if again:
            raise InputError(f"the graph has {some(map(repr, again))} twice: write all parents into one list")
        return dict(pairs)

    try:
        given = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as err:
        raise InputError(f"the graph cannot be read as JSON: {err}") from err
    if not isinstance(given, dict):
        raise InputError('the graph is a list, not a mapping such as {"child": ["parent"]}: name the variables')
    return _of_mapping(given)


def _of_mapping(given: Mapping) -> CausalGraph:
    if "nodes" in given and ("edges" in given or "links" in given):
        try:
            return _of_networkx(nx.node_link_graph(given, edges="edges" if "edges" in given else "links"))
        except (AttributeError, KeyError, TypeError, nx.NetworkXError) as err:
            raise InputError(f"the graph cannot be read as networkx' node-link data: {err!r}") from err
    specs = {}
    for name, spec in given.items():
        spec = spec if isinstance(spec, Mapping) else {"parents": spec}
        parents = spec.get("parents")
        if isinstance(parents, str) or not (parents is None or hasattr(parents, "__iter__")):
            listed = json.dumps([str(parents)], ensure_ascii=False)
            raise InputError(f"the parents of {name!r} are {parents!r}: expected a list such as {listed}")
        parents = [*(() if parents is None else parents)]
        odd = next((parent for parent in parents if hasattr(parent, "__iter__") and not isinstance(parent, str)), None)
        if odd is not None:
            raise InputError(f"the parents of {name!r} have {odd!r}: expected names of variables")
        specs[name] = {**spec, "parents": parents}
    roots = {parent for spec in specs.values() for parent in spec["parents"]} - specs.keys()
    return _built({name: {} for name in sorted(roots, key=str)} | specs)


def _built(specs: Mapping[str, Mapping]) -> CausalGraph:
    """From name -> its parents and attributes, of which classes may be their number or their names."""
    variables = []
    for name, spec in specs.items():
        spec = {key: value for key, value in spec.items() if value is not None and str(value) != ""}
        classes = spec.get("classes")
        if hasattr(classes, "__iter__") and not isinstance(classes, str):
            spec = {key: spec[key] for key in spec if key != "classes"} | {"values": classes}
        if "values" in spec:
            if isinstance(spec["values"], str) or not hasattr(spec["values"], "__iter__"):
                raise InputError(
                    f'the values of {name!r} are {spec["values"]!r}: expected a list such as ["no", "yes"]'
                )
            spec["values"] = [plain(value) for value in spec["values"]]
        for key in ("unit", "part"):
            if hasattr(value := spec.get(key, ""), "__iter__") and not isinstance(value, str):
                raise InputError(f"the {key} of {name!r} is {value!r}: expected a text")
            spec |= {key: plain(value)} if key in spec and value == value else {key: ""}
        parents = [plain(parent) for parent in spec.get("parents", ())]
        variables.append({"kind": AUTO, **spec, "name": plain(name), "parents": parents})
        if spec.get("classes") and "kind" not in spec:
            variables[-1]["kind"] = "categorical"
    return CausalGraph.from_list(variables)


def _of_edges(nodes: Mapping[str, Mapping], edges) -> CausalGraph:
    """From name -> attributes as text, and (cause, effect); nodes that only edges name come after the others."""
    specs = {name: _attributes(given) | {"parents": []} for name, given in nodes.items()}
    for cause, effect in dict.fromkeys(edges):
        specs.setdefault(cause, {"parents": []})
        specs.setdefault(effect, {"parents": []})["parents"].append(cause)
    return _built(specs)


def _attributes(given: Mapping) -> dict:
    found = {name: given[name] for name in ATTRIBUTES if given.get(name) not in (None, "")}
    for name in ("classes", "values"):
        if isinstance(found.get(name), str):
            number = as_number(found[name]) if name == "classes" else None
            found[name] = int(number) if number is not None else [word.strip() for word in found[name].split(",")]
    return found


def _of_reader(read: Reader) -> CausalGraph:
    labels = {name: options.get("label", "") for name, options in read.nodes.items()}
    if all(label and re.fullmatch(r"[A-Za-z]?\d+", name) for name, label in labels.items()):  # 0 [label=size]
        nodes = {labels[name]: options for name, options in read.nodes.items()}
        return _of_edges(nodes, [(labels[a], labels[b]) for a, b in read.edges])
    return _of_edges(read.nodes, read.edges)


def _of_gml(text: str) -> CausalGraph:
    try:
        try:
            return _of_networkx(nx.parse_gml(text))
        except nx.NetworkXError as err:
            if "no 'label'" not in str(err):
                raise
            return _of_networkx(nx.parse_gml(text, label="id"))
    except (nx.NetworkXError, AttributeError, ValueError, KeyError, TypeError) as err:
        raise InputError(f"the graph cannot be read as GML: {err}") from err


def _of_networkx(graph: nx.Graph) -> CausalGraph:
    if not graph.is_directed():
        raise InputError(
            "the edges of the graph have no direction: expected cause -> effect, as a DiGraph has (in GML: directed 1)"
        )
    hidden = [
        name for name, given in graph.nodes(data=True) if str(given.get("observed", "")).lower() in ("no", "false")
    ]
    if hidden:
        raise InputError(f"the graph says that nobody sees {some(map(repr, hidden))}: {NO_HIDDEN}")
    nodes = {str(name): given for name, given in graph.nodes(data=True)}
    return _of_edges(nodes, [(str(edge[0]), str(edge[1])) for edge in graph.edges])


def _of_frame(frame: pd.DataFrame) -> CausalGraph:
    columns, rows = [plain(name) for name in frame.columns], [plain(name) for name in frame.index]
    if sorted(columns) == sorted(rows):
        return _of_matrix(rows, columns, frame.to_numpy())
    return _of_cells(read_cells(frame), has_header=True)


def _of_cells(cells: pd.DataFrame, has_header: bool = False) -> CausalGraph:
    """An adjacency table whose first column names its rows, or whose rows are in the order of its columns; or edges."""
    if not len(cells):
        raise InputError(
            "the table of the graph is empty: expected the columns cause and effect, or an adjacency table"
        )
    table = np.vectorize(plain, otypes=[object])(cells.fillna(""))
    header, body = list(table[0]), table[1:]
    if sorted(header[1:]) == sorted(body[:, 0]):
        return _of_matrix(body[:, 0], header[1:], body[:, 1:])
    if len(body) == len(header) and all(cell in MARKS or as_number(cell) is not None for cell in body.ravel()):
        return _of_matrix(header, header, body)
    roles = {i: _role(name) for i, name in enumerate(header) if not re.fullmatch(r"(Unnamed: \d+)?", name)}
    ends = [i for i, role in roles.items() if role != "weight"]
    if not has_header and len(header) == 2 and set(header) <= set(body.ravel()) and {*roles.values()} <= {"", "weight"}:
        return _of_edges({}, map(tuple, table))
    if len(ends) != 2:
        raise InputError(
            f"the table of the graph has the columns {some(header)}: expected two, cause and effect, or an adjacency"
            " table whose rows and columns are the same names (row -> column); besides, only a weight (0 is no edge)"
        )
    names = [header[i] for i in ends]
    is_edge = not set(names).isdisjoint(body[:, ends].ravel()) and {*map(str.casefold, names)} != {"cause", "effect"}
    if roles[ends[0]] == roles[ends[1]] or is_edge:
        raise InputError(
            f"the table of the graph begins with {some(map(repr, names))}, which does not say which is the cause: call"
            " the columns cause and effect, in a first line of their own"
        )
    if roles[ends[0]] == "effect" or roles[ends[1]] == "cause":
        ends.reverse()
    weights = [i for i, role in roles.items() if role == "weight"]
    nodes = {name: {} for name in body[:, ends].ravel()}
    return _of_edges(nodes, [tuple(row[ends]) for row in body if all(_is_weight(row[i], header[i]) for i in weights)])


def _role(name: str) -> str:
    """Of a column: "From nodes" -> "cause"; "" for a word that is not known."""
    word = re.sub(r"[\W_]", "", name.casefold())
    return ROLES.get(re.sub(r"(node)?s?$", "", word), "")


def _is_weight(cell: str, name: str) -> bool:
    number = MARKS.get(cell.casefold(), as_number(cell)) if cell else None
    if number is None:
        raise InputError(f"the table of the graph has the {name} {cell!r}: expected a number, of which 0 is no edge")
    return number != 0


def _of_matrix(rows, columns: list[str], cells: np.ndarray) -> CausalGraph:
    """Edges row -> column where a cell is 1."""
    edges = []
    for cause, line in zip(rows, cells, strict=True):
        for effect, cell in zip(columns, line, strict=True):
            word = "" if pd.isna(cell) else plain(cell).casefold()
            number = MARKS.get(word, as_number(word))
            if number not in (0, 1):
                raise InputError(
                    f"the adjacency table has {word} in the row {cause!r} and the column {effect!r}: expected 1 if"
                    f" {cause} is a cause of {effect} (row -> column), else 0"
                )
            if number:
                edges.append((cause, effect))
    return _of_edges({name: {} for name in columns}, edges)
