"""The settings of a run, as nested plain data, from a dataset, a size and a method."""

from collections.abc import Mapping

from cdae_jax.errors import InputError
from cdae_jax.graph import did_you_mean
from cdae_jax.presets.datasets import DATASETS
from cdae_jax.presets.methods import METHODS, OURS, Memory, Share
from cdae_jax.presets.sizes import CPU, SIZES

SECTIONS = tuple(CPU)


def plain_settings(dataset: str, size: str, method: str = "ours", graph: Mapping | None = None) -> dict:
    """Section -> field -> value; numbers that follow from config.train.steps are `Share` and `Memory` objects, for
    `with_shares`, so that a caller may change the steps first.

    Args:
      dataset, size, method: names in DATASETS, SIZES and METHODS; InputError for other sizes and methods.
      graph: variable name -> its parents, kind, unit and part; None for the dataset's own.
    """
    for what, name, known in (("size", size, SIZES), ("method", method, METHODS)):
        if name not in known:
            told = f"there is no {what} {name!r}: expected one of {', '.join(known)}"
            raise InputError(told + did_you_mean(name, known))
    brought, chosen = DATASETS[dataset], METHODS[method]
    found = {section: {} for section in SECTIONS}
    for layer in (CPU, OURS, brought["cpu"], SIZES[size], brought.get(size, {}), chosen):
        for section in SECTIONS:
            found[section] |= layer.get(section, {})
    if size == "smoke":  # whatever the method
        found["sample"]["num_steps"] = SIZES["smoke"]["sample"]["num_steps"]
    hidden = {key for key, what in (("parents", "graph"), ("part", "parts")) if not chosen[what]}
    graph = brought["graph"] if graph is None else graph
    settable = {} if "parents" in hidden else {"parents": ()}  # of every variable, by flags and sweeps
    kept = {name: {k: v for k, v in spec.items() if k not in hidden} for name, spec in graph.items()}
    found["graph"] = {name: settable | spec for name, spec in kept.items()}
    return found


def with_shares(train: Mapping, steps) -> dict:
    """The section `train` with its shares of a number of steps (or of a reference to one) worked out."""
    return {name: value.of(steps) if isinstance(value, (Share, Memory)) else value for name, value in train.items()}
