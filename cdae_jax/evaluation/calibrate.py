"""How sure a trained model's counterfactuals are: its readings of validation images, and its mechanisms refitted."""

import pathlib

import numpy as np

from cdae_jax.counterfactual.uncertainty import Uncertainty, fit_reading, is_class
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.pipeline import label_columns
from cdae_jax.errors import InputError
from cdae_jax.evaluation.bench import dataset_of, validation_of
from cdae_jax.inference.draws import features_and_read
from cdae_jax.inference.loading import load
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.paths import expanded
from cdae_jax.precision import in_float32
from cdae_jax.training import workdir
from cdae_jax.training.loop import examples_of
from cdae_jax.training.mechanisms import causal_model, effects_of, refit

MIN_IMAGES = 20  # of fewer, no error is rare enough to bound 5 %
MEMBERS, STEPS = 20, 2_000  # of K members the middle holds (K - 1) / (K + 1) of what is like them: 90 % from 19 on


@in_float32
def calibrate(source: TrainedModel | str | pathlib.Path, members: int = MEMBERS) -> Uncertainty:
    """Fits what `TrainedModel.counterfactual(draws=...)` draws from, and stores it in the workdir, and in the source if
    that is a model, whose defaults hold. Raises InputError for no trained workdir, one that was trained on since the
    model was loaded, other data than it was trained on, or too few validation images."""
    given = source if isinstance(source, TrainedModel) else None
    directory = given.workdir if given else expanded(source)
    if directory is None:
        raise InputError("this model comes from a file without its data: calibrate the workdir that it was trained in")
    model = load(directory)
    if given:
        if given.step != model.step:
            raise InputError(
                f"the model is of step {given.step}, but {directory} has gone on to step {model.step}: load it again"
            )
        model.defaults = given.defaults
    dataset = dataset_of(model, directory)
    found = uncertainty_of(model, dataset, validation_of(dataset, directory, MIN_IMAGES), members)
    workdir.write_uncertainty(directory, found)
    if given:
        given.uncertainty = found
    return found


def uncertainty_of(model: TrainedModel, dataset: Dataset, validation: Split, members: int = MEMBERS) -> Uncertainty:
    """The uncertainty of a model: its errors of reading validation images, and `members` sets of mechanisms refitted to
    the training labels. Raises InputError for a variable that too few validation images have a label of."""
    graph, stats, columns = model.graph, model.stats, label_columns(dataset, model.graph)
    labels = validation.labels[:, columns]
    for name, known in zip(graph.names, np.isfinite(labels).sum(0), strict=True):
        if known < MIN_IMAGES:
            raise InputError(
                f"{known} validation images have a label of {name!r}, expected {MIN_IMAGES} at least: train into a new"
                " --workdir with more labels or a larger config.data.validation_share"
            )
    images = validation.images[np.arange(len(validation))]  # in memory
    _, z, _ = model.latents_under(images, {}, context=validation.context)
    features, read = features_and_read(model, z)
    true = np.where(is_class(graph), labels, stats.standardise(labels))
    reading, refitted = fit_reading(features, read, true, graph), {}
    if effects_of(graph) and model.readout is None and members:
        split, y, _ = examples_of(model.settings, dataset)
        steps = min(STEPS, 20 * model.settings.train.steps)
        scm = causal_model(model.settings, {})
        refitted = refit(scm, y, model.settings.model.prior_sd, split.was_set, members, steps)
    return Uncertainty(model.defaults.fit_steps, reading, refitted)


def describe(found: Uncertainty, model: TrainedModel) -> list[str]:
    """A line for each variable: how far off its reading is, and whether that differs from image to image."""
    lines, reading = [], found.reading
    for i, var in enumerate(model.graph.variables):
        if var.classes:
            right = np.diag(reading.confusion[i])[: var.classes]
            lines.append(f"{var.name}: a class that is told is true in {right.min():.1%} to {right.max():.1%}")
            continue
        size = np.exp([reading.low[i], reading.high[i]]) * np.quantile(np.abs(reading.errors[:, i]), 0.9)
        told = "{:.3g} to {:.3g}" if size[1] > size[0] else "{:.3g}"
        text = told.format(*size * model.stats.sd[i]) + (f" {var.unit}" if var.unit else "")
        varies = " with the image" if size[1] > size[0] else " in every image"
        lines.append(f"{var.name}: 90 % of readings are off by at most {text},{varies}")
    return lines
