"""One intervention measured on test images, against the truth where it is known."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable

import numpy as np

from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.labels import LabelStats
from cdae_jax.data.pipeline import label_columns
from cdae_jax.evaluation import metrics
from cdae_jax.evaluation.judge import Judge, cached_judge
from cdae_jax.graph import CausalGraph
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.plots.pictures import asked_and_read, counterfactual_grid

GRID_COLUMNS = 8
NUM_CYCLED = 128  # images of the measures that decode again and again


@dataclasses.dataclass(frozen=True)
class Bench:
    """What every measurement needs.

    Attributes:
      test: the test images and labels that are measured.
      judge: the anti-causal predictor; None if nothing but `read` is used and the dataset can be measured.
      sd: [n] standard deviations of the training labels, physical.
      options: how the model decodes; None for its defaults.
      seed: of the values that are drawn.
      figures: folder for pictures.
      inception: images [N, H, W, C] uint8 -> Inception features [N, 2048]; None without its weights.
    """

    dataset: Dataset
    model: TrainedModel
    judge: Judge | None
    test: Split
    sd: np.ndarray
    options: Sampling | None
    seed: int
    figures: pathlib.Path
    inception: Callable[[np.ndarray], np.ndarray] | None = None

    def counterfactual(self, images: np.ndarray, do: dict, context: np.ndarray | None):
        return self.model.counterfactual(images, do, context=context, options=self.options)

    @functools.cached_property
    def inception_of_test(self) -> np.ndarray:
        """Inception features [N, 2048] of the test images."""
        return self.inception(self.test.images)

    def read(self, images: np.ndarray) -> np.ndarray:
        """Labels [N, n] by direct measurement, or by the predictor where there is none."""
        return self.judge(images)[0] if self.dataset.measure is None else self.dataset.measure(images)


def reading_bench(dataset: Dataset, model: TrainedModel, test: Split, seed: int, folder: pathlib.Path) -> Bench:
    """A bench that only reads factors from images: it has a judge only where nothing else can read them."""
    judge = None
    if dataset.measure is None:
        judges = pathlib.Path(model.settings.data.data_dir) / "judges"
        judge = cached_judge(dataset, model.settings.data.judge_steps, judges)
    sd = LabelStats.of(dataset.train.labels, dataset.graph, num_rows=1).sd
    return Bench(dataset, model, judge, test, sd, None, seed, folder)


def known_counterfactual(graph: CausalGraph, labels: np.ndarray, mask: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What any graph says of labels [N, n] under do(mask = values): NaN for the descendants of what was set."""
    moved = (mask.astype(int) @ graph.ancestor_matrix.T.astype(int)) > 0
    return np.where(mask, values, np.where(moved, np.nan, labels)).astype(np.float32)


def noise_redrawn(dataset: Dataset, name: str, true: np.ndarray, others: np.ndarray, sd: np.ndarray) -> dict:
    """Errors of do(name)'s descendants if each image had another one's own noise: what a model leaves that knows the
    mechanisms exactly and abducts nothing.

    Args:
      true: labels [N, n] under do(name).
      others: labels [N, n] of other images, whose noise is taken.
    """
    descendants = dataset.graph.descendants(name)
    held = np.tile([other not in descendants for other in dataset.graph.names], (len(true), 1))
    redrawn = errors(dataset.graph, dataset.true_counterfactual(others, held, true), true, sd)
    return {child: redrawn[child] for child in descendants}


def errors(graph: CausalGraph, read: np.ndarray, true: np.ndarray, sd: np.ndarray) -> dict[str, dict]:
    """For each variable the mean absolute error, normalised with its interval and physical, and the number of images;
    accuracy and F1 too where the variable has classes. Labels [N, n] physical; true may be NaN."""
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
            classes = metrics.as_classes(graph, read)[known, i]
            found[var.name] |= {
                "accuracy": 1 - float(physical[i]),
                "f1": metrics.macro_f1(classes, true[known, i], var.classes),
            }
    return found


def readings(bench: Bench, images: np.ndarray, true: np.ndarray, read: np.ndarray | None = None) -> dict[str, dict]:
    """Errors per variable by the best reader, with the predictor's inside; `read` [N, n] if the images were read."""
    by_predictor = errors(bench.dataset.graph, bench.judge(images)[0], true, bench.sd)
    found = errors(bench.dataset.graph, bench.read(images) if read is None else read, true, bench.sd)
    return {name: {**error, "predictor": by_predictor[name]} for name, error in found.items()}


def draw_values(bench: Bench, column: int) -> tuple[np.ndarray, np.ndarray]:
    """The values [N] to set, drawn from the test labels, and the order [N] of the images they come from."""
    order = np.random.default_rng([bench.seed, column]).permutation(len(bench.test))
    drawn = bench.test.labels[order, column]
    known = drawn[np.isfinite(drawn)]
    rng = np.random.default_rng([bench.seed, column, 1])
    return np.where(np.isfinite(drawn), drawn, known[rng.integers(len(known), size=len(drawn))]), order


def _nearest_with(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For each i the row of another image whose label [N] is nearest to values[i]."""
    gap = np.abs(np.where(np.isfinite(labels), labels, np.inf)[None] - values[:, None])
    gap[np.arange(len(values)), np.arange(len(values))] = np.inf
    return gap.argmin(1)


def measure_do(bench: Bench, name: str) -> tuple[dict, np.ndarray]:
    """All measures of do(name = values drawn from the marginal), and each image's errors of all variables [N, n]."""
    dataset, model, test, graph = bench.dataset, bench.model, bench.test, bench.dataset.graph
    column = graph.index(name)
    values, order = draw_values(bench, column)
    mask, wanted = np.zeros(test.labels.shape, bool), np.zeros_like(test.labels)
    mask[:, column], wanted[:, column] = True, values
    true = (dataset.true_counterfactual or functools.partial(known_counterfactual, graph))(test.labels, mask, wanted)
    images, believed = bench.counterfactual(test.images, {name: values}, test.context)

    read = bench.read(images)
    gaps = metrics.absolute_gaps(graph, read, true, bench.sd)
    others = [i for i in range(len(graph)) if i != column and np.isfinite(gaps[:, i]).any()]
    effect = readings(bench, images, true, read)
    if others:
        effect["mean_of_others"] = metrics.mean_with_interval(metrics.known_mean(gaps[:, others], 1))
    result = {"effectiveness": effect, "unchanged": errors(graph, test.labels, true, bench.sd)}
    columns = label_columns(dataset, model.graph)
    held = errors(model.graph, believed, true[:, columns], bench.sd[columns])
    result["mechanism"] = {child: held[child] for child in graph.descendants(name) if child in held}
    if dataset.true_counterfactual is not None and graph.descendants(name):
        result["noise_redrawn"] = noise_redrawn(dataset, name, true, test.labels[order], bench.sd)
    if test.context is not None:
        result["context_kept"] = metrics.mean_with_interval((bench.judge(images)[1] == test.context).astype(float))

    factual, made = bench.judge.features(test.images), bench.judge.features(images)
    other = factual[_nearest_with(test.labels[:, column], values)]
    result["minimality"] = metrics.mean_with_interval(metrics.minimality(factual, made, other))
    result["realism"] = {"frechet": metrics.frechet_distance(made, factual), "count": len(images)}
    if bench.inception is not None:
        seen = bench.inception(images)
        result["realism"]["frechet_inception"] = metrics.frechet_distance(seen, bench.inception_of_test)
    result["reversibility"] = _reversibility(bench, name, images)

    rows = [("factual", test.images[:GRID_COLUMNS]), ("counterfactual", images[:GRID_COLUMNS])]
    if dataset.render is not None:
        rendered = dataset.render(true)
        result["counterfactual_error"] = _pixel_errors(images, rendered, test.images)
        result["floor"] = readings(bench, rendered, true)
        result["realism"]["frechet_of_true_images"] = metrics.frechet_distance(bench.judge.features(rendered), factual)
        rows.append(("true counterfactual", rendered[:GRID_COLUMNS]))
    unit = graph.variables[column].unit
    factual_texts = ["unlabelled" if np.isnan(old) else f"{old:.3g}" for old in test.labels[:, column]]
    captions = [f"{name}\n{old} to {new:.3g}" for old, new in zip(factual_texts, values, strict=True)]
    title = f"{dataset.name}: do({name})" + (f", {unit}" if unit else "")
    counterfactual_grid(bench.figures / f"do_{name}.png", rows, captions[:GRID_COLUMNS], title)
    asked_and_read(bench.figures / f"asked_{name}.png", values, read[:, column], name, unit)
    return result, gaps


def _reversibility(bench: Bench, name: str, images: np.ndarray) -> dict:
    """do(name), then its old value again: how far from the factual image? MSE on 0..1."""
    test = bench.test.take(slice(0, NUM_CYCLED))
    column = bench.model.graph.index(name)
    old = test.labels[:, bench.dataset.graph.index(name)]
    read = metrics.as_classes(bench.model.graph, bench.model.encode(test.images))
    old = np.where(np.isfinite(old), old, read[:, column])
    back, _ = bench.counterfactual(images[:NUM_CYCLED], {name: old}, test.context)
    return metrics.mean_with_interval(metrics.squared_errors(back, test.images))


def _pixel_errors(images: np.ndarray, rendered: np.ndarray, factual: np.ndarray) -> dict:
    mse = metrics.mean_with_interval(metrics.squared_errors(images, rendered))
    return {
        "mse": mse,
        "psnr": metrics.psnr(mse["mean"]),
        "ssim": metrics.mean_with_interval(metrics.ssim(images, rendered)),
        "mse_unchanged": metrics.mean_squared_error(factual, rendered),
        "ssim_unchanged": float(metrics.ssim(factual, rendered).mean()),
    }
