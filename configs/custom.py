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

import ml_collections

from configs.common import own_config


def get_config(argument: str = "") -> ml_collections.ConfigDict:
    """The config of a size and a graph file, perhaps of another method than ours: "cpu,graph.json,method=paper"."""
    return own_config(argument)
