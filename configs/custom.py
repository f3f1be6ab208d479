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

from cdae_jax.commands.config import own_config


def get_config(argument: str = "") -> ml_collections.ConfigDict:
    """The config of a size and a graph file, perhaps of another method than ours: "cpu,graph.json,method=paper"."""
    return own_config(argument)
