"""How a config file turns its sizes into one ConfigDict."""

import ml_collections


def config_of(graph: dict, size: str, *, cpu: dict, **others: dict) -> ml_collections.ConfigDict:
    """The config `size`: the :cpu one with the sections' fields that the other size changes.

    Raises:
      ValueError: no such size.
    """
    changes = {"cpu": {}, **others}
    if size not in changes:
        raise ValueError(f"there is no config size {size!r}: expected one of {', '.join(changes)}")
    config = ml_collections.ConfigDict(cpu, sort_keys=False)
    config.update(changes[size])
    config.graph = ml_collections.ConfigDict(graph, sort_keys=False)  # keeps the variables' order
    return config
