"""One intervention measured on test images, against the truth where it is known."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from cdae_jax.data.dataset import Dataset
from cdae_jax.data.pipeline import label_columns
from cdae_jax.evaluation import metrics
from cdae_jax.evaluation.bench import Bench
from cdae_jax.graph import CausalGraph

NUM_CYCLED = 128  # images of the measures that decode again and again


class Measured(NamedTuple):
    """What was found under do(one variable = values)."""

    result: dict  # section -> its measures
    gaps: np.ndarray  # [N, n] each image's errors of all variables
    values: np.ndarray  # [N] what was asked for
    read: np.ndarray  # [N, n] labels read from the counterfactual images
    images: np.ndarray  # [N, H, W, C] uint8 counterfactuals
    true_images: np.ndarray | None  # the same of the truth; None where nothing renders it


def known_counterfactual(graph: CausalGraph, labels: np.ndarray, mask: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What the graph alone says of labels [N, n] under do(mask = values): NaN for the descendants of what is set."""
    moved = (mask.astype(int) @ graph.ancestor_matrix.T.astype(int)) > 0
    return np.where(mask, values, np.where(moved, np.nan, labels))


def labels_under(
    dataset: Dataset,
    labels: np.ndarray,
    do: Mapping[str, float | np.ndarray],
    strength: float | Mapping[str, float] = 1.0,
) -> np.ndarray:
    """Labels [N, n] under do(name = one value or [N]) by the true mechanisms, physical; NaN where nobody knows them.

    With a strength, as for `TrainedModel.counterfactual`, a number goes that part of the way from its value under the
    rest of do; what lies between two classes is not known.
    """
    mask, values = np.zeros(labels.shape, bool), np.zeros_like(labels)

    def told() -> np.ndarray:
        if dataset.true_counterfactual is None or np.isnan(values).any():
            return known_counterfactual(dataset.graph, labels, mask, values)
        return dataset.true_counterfactual(labels, mask, values)

    columns = {dataset.graph.index(name): name for name in do}
    for column in (i for i in dataset.graph.order if i in columns):  # causes before their effects
        name, is_class = columns[column], dataset.graph.variables[column].classes
        w = strength.get(name, 1.0) if isinstance(strength, Mapping) else strength
        value = do[name]
        if w < 1:
            left = told()[:, column]
            value = np.where(w == 0, left, np.nan if is_class else (1 - w) * left + w * np.asarray(value, float))
        mask[:, column], values[:, column] = True, value
    return told()


def noise_redrawn(dataset: Dataset, name: str, true: np.ndarray, others: np.ndarray, sd: np.ndarray) -> dict:
    """Errors of do(name)'s descendants if each image had another one's noise: those of a model that knows the
    mechanisms exactly but abducts nothing. true [N, n] are the labels under do(name); others [N, n] lend their noise.
    """
    descendants = dataset.graph.descendants(name)
    held = np.tile([other not in descendants for other in dataset.graph.names], (len(true), 1))
    redrawn = errors_by_variable(dataset.graph, dataset.true_counterfactual(others, held, true), true, sd)
    return {child: redrawn[child] for child in descendants}


def errors_by_variable(graph: CausalGraph, read: np.ndarray, true: np.ndarray, sd: np.ndarray) -> dict[str, dict]:
    """For each variable the mean absolute error, normalised with its interval and physical, and the number of images;
    where the variable has classes also accuracy and the classes' mean F1. Labels [N, n] physical; true may be NaN."""
    gaps = metrics.absolute_gaps(graph, read, true, sd)
    normalised, physical = metrics.absolute_error(graph, read, true, sd)
    found = {}
    for i, var in enumerate(graph.variables):
        known = np.isfinite(true[:, i])
        found[var.name] = {
            "normalised": float(normalised[i]),
            "interval": metrics.bootstrap_interval(gaps[:, i]),
            "physical": float(physical[i]),
            "count": int(known.sum()),
        }
        if var.classes and known.any():
            f1 = metrics.macro_f1(metrics.as_classes(graph, read)[known, i], true[known, i], var.classes)
            found[var.name] |= {"accuracy": 1 - float(physical[i]), "f1": f1}
    return found


def readings(bench: Bench, images: np.ndarray, true: np.ndarray, read: np.ndarray | None = None) -> dict[str, dict]:
    """Errors per variable by `bench.read`, each with the "predictor"'s own; `read` [N, n] if the images are read."""
    graph, sd = bench.dataset.graph, bench.sd
    by_predictor = errors_by_variable(graph, bench.judge(images)[0], true, sd)
    found = errors_by_variable(graph, bench.read(images) if read is None else read, true, sd)
    return {name: {**error, "predictor": by_predictor[name]} for name, error in found.items()}


def measure_do(bench: Bench, name: str) -> Measured:
    """All measures of do(name = values drawn from the marginal), the factual labels read from the images."""
    dataset, test, graph = bench.dataset, bench.test, bench.dataset.graph
    column = graph.index(name)
    values, order = bench.draw_values(column)
    true = labels_under(dataset, test.labels, {name: values})
    images, believed = bench.counterfactual(test.images, {name: values}, test.context)
    rendered = None if dataset.render is None else dataset.render(true)

    read = bench.read(images)
    gaps = metrics.absolute_gaps(graph, read, true, bench.sd)
    result = _errors(bench, name, images, believed, true, read, rendered)
    result["unchanged"] = errors_by_variable(graph, test.labels, true, bench.sd)
    if dataset.true_counterfactual is not None:
        seen = bench.training_labels
        near = {"distance": seen.distance(believed), "support": seen.support(believed)}
        result["nearness"] = {what: values.tolist() for what, values in near.items()}
    if dataset.true_counterfactual is not None and graph.descendants(name):
        result["noise_redrawn"] = noise_redrawn(dataset, name, true, test.labels[order], bench.sd)
    result |= _distances_of_features(bench, images, rendered, _nearest_with(test.labels[:, column], values))
    result["reversibility"] = _reversibility(bench, name, images)
    if rendered is not None:
        result["counterfactual_error"] |= {
            "mse_unchanged": metrics.mean_squared_error(test.images, rendered),
            "ssim_unchanged": float(metrics.ssim(test.images, rendered).mean()),
        }
        if bench.lpips is not None:
            result["lpips"]["true_unchanged"] = float(bench.lpips(test.images, rendered).mean())
        result["floor"] = readings(bench, rendered, true)
    return Measured(result, gaps, values, read, images, rendered)


def measure_do_given(bench: Bench, name: str) -> tuple[dict, np.ndarray]:
    """The errors of do(name) by section, and each image's [N, n], for the same values where the factual labels are
    given instead of read: what is left is the mechanisms' and the decoder's."""
    dataset, test, columns = bench.dataset, bench.test, label_columns(bench.dataset, bench.model.graph)
    values, _ = bench.draw_values(dataset.graph.index(name))
    true = labels_under(dataset, test.labels, {name: values})
    images, believed = bench.counterfactual(test.images, {name: values}, test.context, test.labels[:, columns])
    rendered, read = None if dataset.render is None else dataset.render(true), bench.read(images)
    gaps = metrics.absolute_gaps(dataset.graph, read, true, bench.sd)
    return _errors(bench, name, images, believed, true, read, rendered), gaps


def _errors(bench: Bench, name: str, images, believed, true, read, rendered) -> dict:
    """Of what is read from counterfactual images [N, H, W, C], of what the model believes, and of the pixels."""
    dataset, graph, test = bench.dataset, bench.dataset.graph, bench.test
    gaps = metrics.absolute_gaps(graph, read, true, bench.sd)
    others = [i for i in range(len(graph)) if i != graph.index(name) and np.isfinite(gaps[:, i]).any()]
    effect = readings(bench, images, true, read)
    if others:
        effect["mean_of_others"] = metrics.mean_with_interval(metrics.known_mean(gaps[:, others], 1))
    columns = label_columns(dataset, bench.model.graph)
    held = errors_by_variable(bench.model.graph, believed, true[:, columns], bench.sd[columns])
    mechanism = {child: held[child] for child in graph.descendants(name) if child in held}
    result = {"effectiveness": effect, "mechanism": mechanism}
    if test.context is not None:
        result["context_kept"] = metrics.mean_with_interval((bench.judge(images)[1] == test.context).astype(float))
    if rendered is not None:
        result["counterfactual_error"] = {
            **metrics.mse_and_psnr(images, rendered),
            "ssim": metrics.mean_with_interval(metrics.ssim(images, rendered)),
        }
    if bench.lpips is not None:
        to = {"factual": test.images} | ({} if rendered is None else {"true": rendered})
        result["lpips"] = {name: metrics.mean_with_interval(bench.lpips(images, other)) for name, other in to.items()}
    return result


def _nearest_with(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For each i the row of another image whose label [N] is nearest to values[i]."""
    gap = np.abs(np.where(np.isfinite(labels), labels, np.inf)[None] - values[:, None])
    np.fill_diagonal(gap, np.inf)
    return gap.argmin(1)


def _distances_of_features(bench: Bench, images: np.ndarray, rendered: np.ndarray | None, others: np.ndarray) -> dict:
    """Minimality, Frechet distances and sharpness; others: the rows [N] of other images that have the wanted values."""
    factual, made = bench.features_of_test, bench.judge.features(images)
    realism = {"frechet": metrics.frechet_distance(made, factual), "count": len(images)}
    if bench.inception is not None:
        realism["frechet_inception"] = metrics.frechet_distance(bench.inception(images), bench.inception_of_test)
    if rendered is not None:
        realism["frechet_of_true_images"] = metrics.frechet_distance(bench.judge.features(rendered), factual)
    real = bench.test.images if rendered is None else rendered
    realism["sharpness"] = metrics.mean_with_interval(metrics.sharpness(images, real))
    minimality = metrics.minimality(factual, made, factual[others])
    return {"minimality": metrics.mean_with_interval(minimality), "realism": realism}


def _reversibility(bench: Bench, name: str, images: np.ndarray) -> dict:
    """do(name), then its old value again: how far from the factual image? MSE on 0..1."""
    test, graph = bench.test.take(slice(0, NUM_CYCLED)), bench.model.graph
    old = test.labels[:, bench.dataset.graph.index(name)]
    read = metrics.as_classes(graph, bench.model.encode(test.images, context=test.context))[:, graph.index(name)]
    old = np.where(np.isfinite(old), old, read)
    back, _ = bench.counterfactual(images[:NUM_CYCLED], {name: old}, test.context)
    return metrics.mean_with_interval(metrics.squared_errors(back, test.images))
