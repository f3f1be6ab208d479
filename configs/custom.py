"""Your own images, labels and graph:

python -m experiments.train --config=configs/custom.py:cpu,graph.json --config.data.images=<folder or .npz> \
    --config.data.labels=<labels.csv> --workdir=runs/mine

graph.json maps every variable to its parents, {"child": ["parent", ...]}, or to more than them:
{"child": {"parents": ["parent"], "kind": "continuous", "unit": "mm", "part": "shadow"}}. The kinds are continuous,
binary (0 or 1) and categorical (with "classes": their number, labels 0, 1, ...); the part is what a variable draws, for
--config.model.parts=True. A variable that is only named as a parent is a continuous one without parents. The CSV file
is described in `cdae_jax/data/custom.py`.

:cpu,<graph>    two CPU cores
:paper,<graph>  the published sizes and diffusion process, for accelerators (never run to the end here)
:smoke,<graph>  seconds, for tests

A baseline goes at the end: custom.py:cpu,graph.json,baseline=diffae.
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
    """The config of a size and a graph file, perhaps of a baseline: "cpu,graph.json,baseline=diffae"."""
    size, _, rest = argument.partition(",")
    path, *option = rest.split(",", 1)
    if not path:
        raise ValueError(f"the config was given {argument!r}: expected a size and a graph file, such as cpu,graph.json")
    return config_of(
        ",".join([size, *option]),
        read_graph(path),
        cpu={
            "data": {
                "name": "custom",
                "images": "",
                "labels": "",
                "resolution": 32,
                "test_fraction": 0.2,
                "split_column": "",
                "max_memory_gib": 4.0,
                "do_column": "",
            },
            "train": {"steps": 6_200},
        },
        smoke={"data": {"resolution": 16}},
        paper={
            "data": {"resolution": 64},
            "model": {
                "block_dim": 16,
                "encoder_multipliers": (1, 2, 3, 4),
                "unet_multipliers": (1, 2, 3, 4),
                "attention": (16, 8),
            },
        },
    )
