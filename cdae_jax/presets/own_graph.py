"""The graph of the user's own images, from a file."""

import json
import pathlib

from cdae_jax.errors import InputError


def read_graph(path: str) -> dict:
    """The `graph` section of a config from a JSON file. Raises InputError for a file of another form."""
    try:
        given = json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError) as err:
        raise InputError(f"the graph file {path!r} cannot be read as JSON: {err}") from err
    is_graph = isinstance(given, dict) and all(isinstance(spec, (list, dict)) for spec in given.values())
    if not is_graph:
        raise InputError(f'the graph file {path!r} is no mapping such as {{"child": ["parent"]}}')
    graph = {name: spec if isinstance(spec, dict) else {"parents": spec} for name, spec in given.items()}
    roots = {parent for spec in graph.values() for parent in spec.get("parents", ())} - graph.keys()
    return {name: {} for name in sorted(roots)} | graph
