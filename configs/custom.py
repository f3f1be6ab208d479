"""Your own images, labels and graph:

python -m experiments.train --config=configs/custom.py:cpu,graph.json --config.data.images=<folder or .npz> \
    --config.data.labels=<labels.csv> --workdir=runs/mine

graph.json maps every variable to its parents, {"child": ["parent", ...]}, or to more than them:
{"child": {"parents": ["parent"], "kind": "continuous", "unit": "mm", "part": "shadow"}}. The kinds are continuous,
binary (0 or 1) and categorical (with "classes": their number, labels 0, 1, ...); the part is what it draws.
A variable that is only named as a parent is a continuous one without parents. The CSV file is described in
`cdae_jax/data/custom.py`.

:cpu,<graph>    two CPU cores
:paper,<graph>  the published sizes, for accelerators (never run to the end here)
:smoke,<graph>  seconds, for tests

A method other than ours goes at the end: custom.py:cpu,graph.json,method=diffae.
"""

import json
import pathlib

import ml_collections

from configs.common import config_of


def read_graph(path: str) -> dict:
    """The `graph` section of a config from a JSON file. Raises ValueError for a file of another form."""
    try:
        given = json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError) as err:
        raise ValueError(f"the graph file {path!r} cannot be read as JSON: {err}") from err
    is_graph = isinstance(given, dict) and all(isinstance(spec, (list, dict)) for spec in given.values())
    if not is_graph:
        raise ValueError(f'the graph file {path!r} is no mapping such as {{"child": ["parent"]}}')
    graph = {name: spec if isinstance(spec, dict) else {"parents": spec} for name, spec in given.items()}
    roots = {parent for spec in graph.values() for parent in spec.get("parents", ())} - graph.keys()
    return {name: {} for name in sorted(roots)} | graph


def get_config(argument: str = "") -> ml_collections.ConfigDict:
    """The config of a size and a graph file, perhaps of another method than ours: "cpu,graph.json,method=paper"."""
    size, _, rest = argument.partition(",")
    path, *option = rest.split(",", 1)
    if not path:
        raise ValueError(f"the config was given {argument!r}: expected a size and a graph file, such as cpu,graph.json")
    return config_of("custom", ",".join([size, *option]), read_graph(path))
