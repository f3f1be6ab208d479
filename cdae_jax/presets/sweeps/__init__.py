"""What sweep files are made of. A sweep is a list of overrides: {"train.seed": 1, "data.label_fraction": 0.1}."""

import itertools
from collections.abc import Mapping, Sequence


def grid(axes: Mapping[str, Sequence]) -> list[dict]:
    """Every combination of {"section.field": values}, the last one fastest."""
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def zipped(axes: Mapping[str, Sequence]) -> list[dict]:
    """The first values of {"section.field": values} together, then the second ones, ... Lengths must agree."""
    lengths = {len(values) for values in axes.values()}
    if len(lengths) > 1:
        raise ValueError(f"zipped axes have the lengths {sorted(lengths)}: make them equal")
    return [dict(zip(axes, values, strict=True)) for values in zip(*axes.values(), strict=True)]


def with_seeds(runs: Sequence[Mapping], seeds: Sequence[int] = (0, 1)) -> list[dict]:
    """Every run with every training seed."""
    return [{**run, "train.seed": seed} for run in runs for seed in seeds]
