"""From the package's presets to a ConfigDict, whose fields flags may change."""

from collections.abc import Mapping

import ml_collections

from cdae_jax.errors import InputError
from cdae_jax.presets.build import plain_settings, with_shares


def config_of(dataset: str, argument: str, graph: Mapping | None = None) -> ml_collections.ConfigDict:
    """The config of a dataset for "<size>" or "<size>,method=<name>"; numbers that are shares of the steps follow them.

    Args:
      graph: of the user's own images; None for the dataset's.

    Raises:
      ValueError: no such size or method.
    """
    size, _, option = argument.partition(",")
    key, _, method = option.partition("=")
    if option and key != "method":
        raise ValueError(f"the config was given {option!r}: expected method=<name>")
    try:
        plain = plain_settings(dataset, size, method or "ours", graph)
    except InputError as err:
        raise ValueError(str(err)) from err
    train, graph = plain.pop("train"), plain.pop("graph")
    config = ml_collections.ConfigDict(plain, sort_keys=False)
    config.train = ml_collections.ConfigDict(sort_keys=False)
    config.train.steps = train["steps"]
    for name, value in with_shares(train, config.train.get_ref("steps")).items():
        is_float = isinstance(value, ml_collections.FieldReference) and isinstance(value.get(), float)
        config.train[name] = value.to_float() if is_float else value  # else it has the type of the steps
    config.graph = ml_collections.ConfigDict(graph, sort_keys=False)  # keeps the variables' order
    return config
