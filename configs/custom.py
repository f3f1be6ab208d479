"""Your own images, labels and graph:

python -m experiments.train --config=configs/custom.py:cpu,graph.json --config.data.images=<folder or .npz> \
    --config.data.labels=<labels.csv> --workdir=runs/mine

The graph is a file of any form that `cdae_jax/data/graph_files.py` reads: JSON, DOT, dagitty, GML, edges, an adjacency
table. graph.json maps every variable to its parents, {"child": ["parent", ...]}, or to more than them:
{"child": {"parents": ["parent"], "kind": "continuous", "unit": "mm", "part": "shadow"}}. The kinds are continuous,
binary and categorical; without one the table of labels tells; the part is what it draws. A variable that is only named
as a parent has none. The table is described in `cdae_jax/data/custom.py`.

:cpu,<graph>    two CPU cores
:paper,<graph>  the published sizes, for accelerators (never run to the end here)
:smoke,<graph>  seconds, for tests

A method other than ours goes at the end: custom.py:cpu,graph.json,method=diffae.
"""

import ml_collections

from cdae_jax.data.graph_files import graph_section
from cdae_jax.errors import InputError
from configs.common import config_of


def get_config(argument: str = "") -> ml_collections.ConfigDict:
    """The config of a size and a graph file, perhaps of another method than ours: "cpu,graph.json,method=paper"."""
    size, _, rest = argument.partition(",")
    path, *option = rest.split(",", 1)
    if not path:
        raise ValueError(f"the config was given {argument!r}: expected a size and a graph file, such as cpu,graph.json")
    try:
        graph = graph_section(path)
    except InputError as err:
        raise ValueError(str(err)) from err
    return config_of("custom", ",".join([size, *option]), graph)
