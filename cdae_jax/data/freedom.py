"""Finds effects that images cannot show apart from their causes, since these nearly determine their labels."""

import numpy as np
from threadpoolctl import threadpool_limits

from cdae_jax.data.independence import remainder, standardised
from cdae_jax.graph import CausalGraph

# Twice the spread that the codes of labels have in training (config.model.prior_sd of ours is 0.05): what the causes
# leave open would be half noise. The shadow of Pendulum measures 0.04 and less, what has noise of its own 0.27 and more
# (lamps of the circuit, intensity of MorphoMNIST, every effect of the worked example).
LITTLE = 0.1
MIN_ROWS, MAX_ROWS = 50, 500


def _one_hot(column: np.ndarray) -> np.ndarray:
    """[N] -> [N, values that occur]."""
    found, codes = np.unique(column, return_inverse=True)
    return np.eye(len(found))[codes]


def open_share(graph: CausalGraph, i: int, labels: np.ndarray) -> float:
    """How much of variable i its causes leave open: the error of predicting it by `independence.remainder` from labels
    [N, n], for a number the root mean square error per standard deviation, for a class the number of errors relative
    to always guessing the commonest.

    Near 0 the causes determine it, at 1 they say nothing (that so few rows could show). NaN if all values are the same.
    """
    if np.ptp(labels[:, i]) == 0:
        return np.nan
    causes = [_one_hot(labels[:, p]) if graph.variables[p].classes else labels[:, [p]] for p in graph.parents[i]]
    is_class = graph.variables[i].classes > 0
    target = _one_hot(labels[:, i]) if is_class else labels[:, [i]]
    with threadpool_limits(1):  # on so few rows threads cost more than they give
        rest = remainder(target, standardised(np.concatenate(causes, 1)))
    if not is_class:
        return float(np.sqrt(np.mean(rest**2)) / target.std())
    return float(((target - rest).argmax(1) != target.argmax(1)).mean() / (1 - target.mean(0).max()))


def hardly_shown(labels: np.ndarray, was_set: np.ndarray, graph: CausalGraph, draws_parts: bool) -> list[str]:
    """A sentence for every effect whose `open_share` is below LITTLE: what follows from that, and what helps.

    labels [N, n] in any units, NaN where unknown, and was_set [N, n] bool, those set by hand, in the graph's order;
    draws_parts: whether the model draws each part that the graph names by itself.
    """
    found = []
    for i, var in enumerate(graph.variables):
        told = np.isfinite(labels[:, (i, *graph.parents[i])]).all(1) & ~was_set[:, i]
        if not var.parents or told.sum() < MIN_ROWS:
            continue
        rows = np.random.default_rng(0).permutation(np.flatnonzero(told))[:MAX_ROWS]
        share = open_share(graph, i, labels[rows].astype(np.float64))
        if not share < LITTLE:
            continue
        says = f"{var.name}: its causes ({', '.join(var.parents)}) leave {share:.1%} of it open;"
        if num := np.isfinite(labels[was_set[:, i], i]).sum():
            says += f" what of the image is its own is learned from the {num} images in which it was set"
        elif draws_parts and var.part not in {graph.variables[p].part for p in graph.parents[i]}:
            says += f" its part {var.part!r} is drawn without them, if the image is a sum of its parts"
        else:
            by_parts = 'name its "part" in the graph (config.model.decoder="refiner")'
            if var.part:  # of another decoder, or shared with a cause
                by_parts = f'draw its part {var.part!r} apart from those of its causes (config.model.decoder="refiner")'
            says += (
                f" no image shows it apart from them, so do({var.name}) may change what they draw, or nothing. Add"
                f" images in which it was set (config.data.do_column) or that vary more, or {by_parts}"
            )
        found.append(says)
    return found
