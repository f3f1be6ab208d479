"""Checks of what a user hands to a trained model: each returns arrays for the model, or raises InputError."""

import warnings
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from cdae_jax.counterfactual.algorithm import ABDUCTIONS
from cdae_jax.data.labels import LabelStats
from cdae_jax.diffusion.grids import CHOICES
from cdae_jax.diffusion.guidance import Strength
from cdae_jax.diffusion.solvers import SOLVERS
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph

FAR = 0.1  # a do() value further outside the training range than this share of it is warned about


class TrainedVariable(NamedTuple):
    """A causal variable: its unit, and the smallest and largest value seen in training, in that unit."""

    name: str
    unit: str
    low: float
    high: float


def check_images(images: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
    """[B, H, W, C] or one [H, W, C] uint8 -> [B, H, W, C] uint8."""
    images = np.asarray(images)
    if images.shape == image_shape:
        images = images[None]
    if images.ndim != 4 or images.shape[1:] != image_shape or not len(images):
        expected = ", ".join(map(str, image_shape))
        raise InputError(f"the images have the shape {images.shape}: expected (batch, {expected})")
    if images.dtype != np.uint8:
        raise InputError(
            f"the images are of type {images.dtype}: expected uint8 from 0 to 255"
            " (for floats in 0..1: np.rint(images * 255).astype(np.uint8))"
        )
    return images


def check_do(
    do: Mapping, num: int, graph: CausalGraph, variables: tuple[TrainedVariable, ...], stats: LabelStats
) -> np.ndarray:
    """name -> value in physical units, one or [num] -> [num, n] standardised, NaN where not intervened.

    Warns about values far outside the range seen in training.
    """
    if not isinstance(do, Mapping):
        raise InputError(f'do is {do!r}: expected a mapping such as {{"{graph.names[0]}": 1.0}}')
    y_do = np.full((num, len(graph)), np.nan, np.float32)
    for name, given in do.items():
        i = graph.index(name)
        var = variables[i]
        try:
            value = np.asarray(given, np.float32)
        except (TypeError, ValueError):
            value = np.float32(np.nan)
        if value.shape not in ((), (num,)) or not np.isfinite(value).all():
            many = "" if num == 1 else f", or {num} of them"
            raise InputError(
                f"do({name}) is {given!r}: expected one finite number{many}, in {var.unit or 'the unit of its labels'}"
            )
        kind, classes = graph.variables[i].kind, graph.variables[i].classes
        if classes and not np.isin(value, range(classes)).all():
            expected = "0 or 1" if classes == 2 else f"a whole number from 0 to {classes - 1}"
            raise InputError(f"do({name}) is {given!r}: {name} is {kind}, expected {expected}")
        margin = FAR * (var.high - var.low)
        if (value < var.low - margin).any() or (value > var.high + margin).any():
            warnings.warn(
                f"do({name}={given}) lies outside the range seen in training,"
                f" {var.low:.4g} to {var.high:.4g} {var.unit}: expect a poor image",
                stacklevel=3,
            )
        y_do[:, i] = (value - stats.mean[i]) / stats.sd[i]
    return y_do


def soften(name: str, change: str, read: np.ndarray, graph: CausalGraph) -> np.ndarray:
    """The values [B] that "+2.5" or "*1.2" makes of the values read [B], all in physical units."""
    try:
        amount = float(change[1:])
    except ValueError:
        amount = np.nan
    if change[:1] not in "+*" or not np.isfinite(amount):
        raise InputError(f'do({name}) is {change!r}: expected a number, "+number" to add or "*number" to multiply')
    if graph.variables[graph.index(name)].classes:
        raise InputError(f"do({name}) is {change!r}: {name} has classes, which can only be set")
    return read + np.float32(amount) if change[0] == "+" else read * np.float32(amount)


def check_strength(strength, do: Mapping, graph: CausalGraph, decoder: str) -> Strength | None:
    """A number, or one for each of some intervened variables, as a `Strength`; None if all are 1."""
    given = strength if isinstance(strength, Mapping) else dict.fromkeys(do, strength)
    for name, value in given.items():
        graph.index(name)
        if name not in do:
            raise InputError(
                f"strength names {name!r}, which do does not set ({', '.join(do) or 'nothing'}): leave it out"
            )
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
            raise InputError(f"the strength of {name!r} is {value!r}: expected a number of at least 0")
    if all(value == 1 for value in given.values()):
        return None
    part = np.ones(len(graph), np.float32)
    for name, value in given.items():
        part[graph.index(name)] = min(value, 1.0)
    beyond = {graph.index(name): value for name, value in given.items() if value > 1}
    if beyond and decoder == "conv":
        raise InputError(
            f"strength is {max(beyond.values())}: above 1 it exaggerates the steps of a diffusion decoder, and this"
            " model has a conv decoder: use at most 1"
        )
    return Strength(part, np.array(list(beyond), np.int32), np.array(list(beyond.values()), np.float32))


def check_labels(labels: np.ndarray, graph: CausalGraph) -> np.ndarray:
    """[B, n] finite numbers -> float32."""
    try:
        labels = np.asarray(labels, np.float32)
    except (TypeError, ValueError) as err:
        raise InputError(f"the labels are not numbers ({err}): expected an array (batch, {len(graph)})") from err
    if labels.ndim != 2 or labels.shape[1] != len(graph) or not len(labels) or not np.isfinite(labels).all():
        raise InputError(
            f"the labels have the shape {labels.shape}: expected finite values of shape"
            f" (batch, {len(graph)}) in the order {', '.join(graph.names)}"
        )
    for i, var in enumerate(graph.variables):
        if var.kind == "categorical" and not np.isin(labels[:, i], range(var.classes)).all():
            raise InputError(f"the labels of {var.name!r} are not whole numbers from 0 to {var.classes - 1}")
    return labels


def check_context(context, num: int, num_classes: int) -> np.ndarray:
    """One class or [num] of them -> [num] int32; None -> the class "unknown", num_classes."""
    if context is None:
        return np.full(num, num_classes, np.int32)
    if not num_classes:
        raise InputError("context was given, but this model has none: leave it out")
    values = np.asarray(context)
    is_class = values.dtype.kind in "iu" and ((values >= 0) & (values < num_classes)).all()
    if values.shape not in ((), (num,)) or not is_class:
        raise InputError(f"context is {context!r}: expected whole numbers from 0 to {num_classes - 1}, one or {num}")
    return np.broadcast_to(values, (num,)).astype(np.int32)


def check_options(
    num_steps: int,
    guidance: float,
    abduction: str,
    depth: float,
    solver: str,
    spacing: str,
    corrections: int,
    fit_steps: int,
    total_steps: int,
) -> None:
    """Raises InputError for sampling options that cannot work; total_steps is T."""
    for name, value, known in (
        ("abduction", abduction, ABDUCTIONS),
        ("solver", solver, SOLVERS),
        ("spacing", spacing, CHOICES),
    ):
        if value not in known:
            raise InputError(f"{name} is {value!r}: expected one of {', '.join(known)}")
    if isinstance(depth, bool) or not isinstance(depth, (int, float)) or not 0 < depth <= 1:
        raise InputError(f"depth is {depth!r}: expected a fraction of the diffusion time in (0, 1]")
    available = max(1, int(depth * total_steps + 0.5))
    if not isinstance(num_steps, (int, np.integer)) or not 1 <= num_steps <= available:
        raise InputError(
            f"num_steps is {num_steps!r}: expected a whole number from 1 to {available}, the diffusion steps to the"
            f" depth {depth:g}"
        )
    if not isinstance(guidance, (int, float)) or not 0 <= guidance < float("inf"):
        raise InputError(f"guidance is {guidance!r}: expected a number of at least 0")
    for name, value in (("corrections", corrections), ("fit_steps", fit_steps)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
            raise InputError(f"{name} is {value!r}: expected a whole number of at least 0")


def check_possible(sampling: Mapping, decoder: str, action: str, condition_drop: float, where: str = "") -> None:
    """Raises InputError for sampling options that a model cannot follow: by its decoder (config.model.decoder), what
    its latents mean (config.sample.action) and how often training dropped the condition (config.train.condition_drop).

    where: stands before the option's name in messages.
    """
    if sampling["guidance"] != 1 and not condition_drop:
        raise InputError(
            f"{where}guidance is {sampling['guidance']}, but with config.train.condition_drop 0 no null condition is"
            " trained: use guidance 1, or drop some conditions in training"
        )
    for name in ("corrections", "fit_steps"):
        if sampling[name] and action == "direction":
            raise InputError(
                f'{where}{name} is {sampling[name]}, but the latents of config.sample.action "direction" follow no'
                " labels that could be asked for again or fitted: use 0"
            )
    if sampling["fit_steps"] and decoder == "diffusion":
        raise InputError(
            f'{where}fit_steps is {sampling["fit_steps"]}, but config.model.decoder is "diffusion", which has no draft'
            " to fit labels by: use 0"
        )
