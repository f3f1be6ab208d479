"""Several training runs of one model, of different seeds, as one: its errors image by image are the runs' means."""

from collections.abc import Sequence

import numpy as np

from cdae_jax.errors import InputError
from cdae_jax.evaluation import metrics

OF_A_RUN = {"workdir", "train_seed", "parameters", "revision", "code"}  # what may differ between runs of one model


def pool(name: str, runs: Sequence[dict], errors: Sequence[np.ndarray | None]) -> tuple[dict, np.ndarray | None]:
    """The metrics and the errors of images [do, N, n] of a model from those of its runs.

    Numbers are means over the runs. Intervals of effectiveness are over images, of the mean over these runs; other
    intervals are the means of theirs, which is too wide. "runs" keeps each one's seed, training and mean error. Errors
    are of `compare.errors_of_images`. Raises InputError for two runs of the same seed, or that differ in more.
    """
    if len(runs) == 1:
        return runs[0], errors[0]
    seeds = [run["protocol"]["train_seed"] for run in runs]
    if len(set(seeds)) < len(seeds):
        says = f"the runs called {name!r} have the training seeds {', '.join(map(str, seeds))}"
        raise InputError(f"{says}: name runs alike only if config.train.seed differs")
    for key in sorted(set().union(*(run["protocol"] for run in runs)) - OF_A_RUN):
        values = [run["protocol"].get(key) for run in runs]
        if any(value != values[0] for value in values):
            says = f"differ in more than their seed, {key} is {' and '.join(map(repr, values))}"
            raise InputError(f"the runs called {name!r} {says}: give them different names")
    own = ("protocol", "train", "judge")
    found = _mean([{key: value for key, value in run.items() if key not in own} for run in runs])
    found |= {key: runs[0][key] for key in own if key in runs[0]}
    means = [run.get("mean_effectiveness", {}).get("mean") for run in runs]
    found["runs"] = [
        {"seed": seed, "train": run["train"], "protocol": run["protocol"], "mean": mean}
        for seed, run, mean in zip(seeds, runs, means, strict=True)
    ]
    if any(error is None for error in errors) or len({error.shape for error in errors}) > 1:
        return found, None
    error = np.mean(errors, axis=0)
    for cells, rows in zip(found["effectiveness"].values(), error, strict=True):
        variables = [variable for variable in cells if variable != "mean_of_others"]
        for variable, gaps in zip(variables, rows.T, strict=True):
            cells[variable]["interval"] = metrics.bootstrap_interval(gaps)
    if "mean_effectiveness" in found:
        found["mean_effectiveness"] = metrics.mean_with_interval(metrics.mean_of_cells(error))
    return found, error


def _mean(values: Sequence):
    """The mean of trees, leaf by leaf (of no numbers: the first if all are equal, else None), without what is
    missing in one."""
    first = values[0]
    if isinstance(first, dict):
        return {key: _mean([value[key] for value in values]) for key in first if all(key in value for value in values)}
    if isinstance(first, list):
        return [_mean(items) for items in zip(*values, strict=True)]
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in values):
        return first if all(value == first for value in values) else None
    return first if all(value == first for value in values) else float(np.mean(values))
