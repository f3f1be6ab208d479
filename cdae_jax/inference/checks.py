"""Checks of what a user hands to a trained model: each returns arrays for the model, or raises InputError."""

import warnings
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from cdae_jax.data.framing import Framing
from cdae_jax.data.image_files import look_at_all
from cdae_jax.data.images import collect, read, warn_if_black
from cdae_jax.data.labels import LabelStats, shown
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable, as_number
from cdae_jax.model.causal_diffae import CausalDiffAE

FAR = 0.1  # a do() value further outside the training range than this share of it is warned about


class TrainedVariable(NamedTuple):
    """A causal variable: its unit, the smallest and largest value seen in training, in that unit, and how its classes
    are spelled, if it has any, in the order of their codes 0, 1, ..."""

    name: str
    unit: str
    low: float
    high: float
    classes: tuple[str, ...] = ()


def check_images(images, framing: Framing) -> np.ndarray:
    """Images as `data.images.collect` takes them, of the model's size, -> [B, H, W, C] uint8.

    Gray images become RGB and RGB ones gray as `framing.flattened` says.
    """
    side, shape = framing.resolution, (framing.resolution, framing.resolution, framing.channels)
    images = getattr(images, "images", images)
    if isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.shape[1:] == shape and len(images):
        warn_if_black(images)
        return images
    if framing.channels == 1 and hasattr(images, "dtype") and images.shape[1:] == (side, side):
        images = np.asarray(images)[..., None]
    found = collect(images)
    looks = look_at_all(*found)
    for look in looks:
        if (look.height, look.width) != (side, side):
            raise InputError(
                f"the images are {look.height} high and {look.width} wide, and the model's {side} x {side}:"
                " give model.prepare(images), which brings them to that size as training did"
            )
    return read(found, looks, framing)


def check_seed(seed) -> int:
    """A whole number from 0 to 2**32 - 1."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise InputError(f"seed is {seed!r}: expected a whole number from 0 to {2**32 - 1}")
    return int(seed)


def check_do(do: Mapping, num: int, graph: CausalGraph, stats: LabelStats) -> np.ndarray:
    """name -> value, one or [num], in physical units or a class as the table of labels spells it -> [num, n]
    standardised, NaN where not intervened. Warns about values far outside the range seen in training."""
    if not isinstance(do, Mapping):
        raise InputError(f'do is {do!r}: expected a mapping such as {{"{graph.names[0]}": 1.0}}')
    y_do = np.full((num, len(graph)), np.nan, np.float32)
    for name, given in do.items():
        i = graph.index(name)
        var, low, high = graph.variables[i], stats.low[i], stats.high[i]
        texts = [item for item in np.ravel(np.asarray(given, object)) if isinstance(item, str)]
        if not var.classes and any(text[:1] in ("+", "*") for text in texts):
            raise InputError(
                f'do({name}) is {given!r}: expected numbers; a change is one text for all images, such as "+5"'
            )
        _refuse_codes(f"do({name})", var, given)
        try:
            value = var.codes(given)
        except InputError as err:
            if var.classes:
                raise InputError(f"do({name}): {err}") from err
            value = np.array(np.nan)
        if value.shape not in ((), (num,)) or not np.isfinite(value).all():
            expected = "one class" if var.classes else "one finite number"
            many = "" if num == 1 else f", or {num} of them"
            unit = "" if var.classes else f", in {var.unit or 'the unit of its labels'}"
            raise InputError(f"do({name}) is {given!r}: expected {expected}{many}{unit}")
        warn_if_outside(f"do({name}={given})", value, low, high, var.unit)
        y_do[:, i] = (value - stats.mean[i]) / stats.sd[i]
    return y_do


def warn_if_noise_stays(model: CausalDiffAE, image_channels: int) -> None:
    """Warns of images from fresh noise where the UNet has fewer channels than a patch has numbers: its output cannot
    be all of the noise in a patch, and the rest stays."""
    numbers = model.patch**2 * image_channels
    if model.decoder.diffuses and model.unet_channels < numbers:
        warnings.warn(
            f"images from fresh noise keep much of it: the UNet has {model.unet_channels} channels for the {numbers}"
            " numbers of a patch (config.model.unet_channels, config.model.patch); counterfactuals by inversion keep"
            " the image's own noise and are not affected",
            stacklevel=3,
        )


def warn_if_outside(what: str, values: np.ndarray, low: float, high: float, unit: str) -> None:
    """Warns that `what` lies outside the range seen in training, if any of its values does so far."""
    if is_outside(values, low, high):
        seen = f"{shown(low, low, high)} to {shown(high, low, high)} {unit}".rstrip()
        warnings.warn(f"{what} lies outside the range seen in training, {seen}: expect a poor image", stacklevel=4)


def is_outside(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> bool:
    """Whether any value lies far outside its range; NaN does not."""
    margin = FAR * (high - low)
    return bool(((values < low - margin) | (values > high + margin)).any())


def is_change(name: str, given, graph: CausalGraph) -> bool:
    """Whether a value of do is a change of what is read, "+2.5" or "*1.2", rather than a class by its word."""
    return isinstance(given, str) and not graph.variables[graph.index(name)].classes


def _refuse_codes(what: str, var: Variable, given) -> None:
    """NumPy's floats, as models return labels, where a class is a number but not its code: which of both is meant?"""
    are_floats = getattr(getattr(given, "dtype", None), "kind", "") == "f" or (
        isinstance(given, list | tuple) and any(isinstance(item, np.floating) for item in given)
    )
    if are_floats and var.values and as_number(var.values[0]) is not None:
        raise InputError(
            f"{what} is of NumPy's floats, which may be codes of the classes {', '.join(var.words)}: give"
            " whole numbers or words as the table spells them, as model.graph.spelled makes of codes"
        )


def soften(name: str, change: str, read: np.ndarray) -> np.ndarray:
    """The values [B] that "+2.5" or "*1.2" makes of the values read [B], all in physical units."""
    amount = as_number(change[1:].strip())
    if change[:1] not in ("+", "*") or amount is None:
        raise InputError(f'do({name}) is {change!r}: expected a number, "+number" to add or "*number" to multiply')
    return read + amount if change[0] == "+" else read * amount


def check_strength(strength, do: Mapping, graph: CausalGraph) -> np.ndarray:
    """A number from 0 to 1, or one for each of some intervened variables, as [n] float32, 1 for the others."""
    given = strength if isinstance(strength, Mapping) else dict.fromkeys(do, strength)
    strengths = np.ones(len(graph), np.float32)
    for name, value in given.items():
        i = graph.index(name)
        if name not in do:
            raise InputError(
                f"strength names {name!r}, which do does not set ({', '.join(do) or 'nothing'}): leave it out"
            )
        if isinstance(value, (bool, np.bool)) or not isinstance(value, (int, float, np.number)) or not 0 <= value <= 1:
            raise InputError(
                f"the strength of {name!r} is {value!r}: expected a number from 0 to 1; to go further, ask for a value"
                " further away"
            )
        strengths[i] = value
    return strengths


def check_labels(labels: np.ndarray | Mapping | pd.DataFrame, graph: CausalGraph) -> np.ndarray:
    """[B, n] finite numbers in the graph's order, classes as codes; or columns by name, classes as the table of labels
    spells them -> [B, n] float64."""
    if isinstance(labels, Mapping | pd.DataFrame):
        absent = [name for name in graph.names if name not in labels]
        if absent:
            raise InputError(f"the labels have no column {absent[0]!r}: expected {', '.join(graph.names)}")
        for var in () if isinstance(labels, pd.DataFrame) else graph.variables:  # whose columns are as a table's
            _refuse_codes(f"the label of {var.name!r}", var, labels[var.name])
        columns = [np.atleast_1d(var.codes(labels[var.name])) for var in graph.variables]
        if len({column.shape for column in columns}) > 1:
            raise InputError("the columns of the labels have different lengths: expected a label for every image")
        labels = np.stack(columns, 1)
    try:
        labels = np.asarray(labels, np.float64)
    except (TypeError, ValueError) as err:
        raise InputError(
            f"the labels are not numbers ({err}): expected an array (batch, {len(graph)}), or columns by name"
        ) from err
    if labels.ndim != 2 or labels.shape[1] != len(graph) or not len(labels) or not np.isfinite(labels).all():
        raise InputError(
            f"the labels have the shape {labels.shape}: expected finite values of shape"
            f" (batch, {len(graph)}) in the order {', '.join(graph.names)}"
        )
    for i, var in enumerate(graph.variables):
        if var.classes and not np.isin(labels[:, i], range(var.classes)).all():
            raise InputError(
                f"the labels of {var.name!r} are not whole numbers from 0 to {var.classes - 1}, the codes of"
                f" {', '.join(var.words)}"
            )
    return labels


def check_known(labels, num: int, graph: CausalGraph, stats: LabelStats) -> np.ndarray:
    """Known labels -> [num, n] standardised, NaN where unknown: physical numbers and codes of classes, [num, n] or one
    row [n]; or name -> value(s) as the table of labels spells them, as a mapping or a DataFrame."""
    shape = (num, len(graph))
    if hasattr(labels, "keys"):  # a DataFrame has them too
        is_table, named, labels = isinstance(labels, pd.DataFrame), dict(labels), np.full(shape, np.nan)
        for name, given in named.items():
            i = graph.index(name)
            what, var = f"the label of {name!r}", graph.variables[i]
            if var.classes:
                if not is_table:
                    _refuse_codes(what, var, given)
                given = np.asarray(given, object)  # NaN beside words stays NaN
                codes = np.full(given.shape, np.nan)
                known = ~pd.isna(given)
                codes[known] = var.codes(given[known])
                given = codes
            labels[:, i] = _numbers(what, given, (num,))
    labels = np.broadcast_to(_numbers("the array of labels", labels, shape), shape)
    for i, var in enumerate(graph.variables):
        known = labels[np.isfinite(labels[:, i]), i]
        if var.classes and not np.isin(known, range(var.classes)).all():
            raise InputError(
                f"the labels of {var.name!r} are not whole numbers from 0 to {var.classes - 1}, or NaN where unknown"
            )
    return stats.standardise(labels)


def _numbers(what: str, given, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers, infinite ones refused, that fill `shape`, or its last axis for all alike."""
    try:
        numbers = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        numbers = np.full((), np.inf)
    if numbers.shape not in (shape, shape[1:]) or np.isinf(numbers).any():
        found = f"has the shape {numbers.shape}" if numbers.size > 5 else f"is {np.asarray(given, object).tolist()!r}"
        raise InputError(f"{what} {found}: expected numbers of shape {shape}, or {shape[1:]}, NaN where unknown")
    return numbers


def check_context(context, num: int, num_classes: int) -> np.ndarray:
    """One class or [num] of them -> [num] int32; None -> the class "unknown", num_classes."""
    if context is None:
        return np.full(num, num_classes, np.int32)
    if not num_classes:
        raise InputError("context was given, but this model has none: leave it out")
    try:
        values = np.asarray(context)
    except ValueError:  # lists of different lengths
        values = np.asarray(None)
    is_class = values.dtype.kind in "iu" and ((values >= 0) & (values < num_classes)).all()
    if values.shape not in ((), (num,)) or not is_class:
        raise InputError(f"context is {context!r}: expected whole numbers from 0 to {num_classes - 1}, one or {num}")
    return np.broadcast_to(values, (num,)).astype(np.int32)
