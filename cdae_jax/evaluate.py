"""Is this model any good? Counterfactuals of test images against the truth (Monteiro et al., arXiv 2303.01274).

Effectiveness: under do(v = values drawn from the data's marginal), the labels read from the counterfactual images
against the labels that the true mechanisms give, for v and for every other variable. Two readers: direct
measurement of the pixels, and an anti-causal predictor. Where the true mechanisms are unknown, as for the user's own
data, the truth is known only for v and its non-descendants, which keep their labels: descendants are left out and
written as null. The floor is the same reading of real images (of the rendered true counterfactual, where a renderer
exists); "unchanged" is the error of returning the factual image.
"""

import functools
import json
import pathlib

import numpy as np
from tqdm import tqdm

from cdae_jax import metrics, workdir
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.pipeline import label_columns, make_dataset
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph
from cdae_jax.inference import TrainedModel, load
from cdae_jax.labels import LabelStats
from cdae_jax.plots import counterfactual_grid
from cdae_jax.predictor import Judge, cached_judge
from cdae_jax.report import report

PROTOCOL = 1  # raise it when a number would change its meaning
GRID_COLUMNS = 8


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
    redrawn = _errors(dataset.graph, dataset.true_counterfactual(others, held, true), true, sd)
    return {child: redrawn[child] for child in descendants}


def _errors(graph: CausalGraph, read: np.ndarray, true: np.ndarray, sd: np.ndarray) -> dict:
    normalised, physical = metrics.absolute_error(graph, read, true, sd)
    errors = {}
    for i, var in enumerate(graph.variables):
        errors[var.name] = {"normalised": float(normalised[i]), "physical": float(physical[i])}
        known = np.isfinite(true[:, i])
        if var.classes and known.any():
            classes = metrics.as_classes(graph, read)[known, i]
            errors[var.name] |= {
                "accuracy": 1 - float(physical[i]),
                "f1": metrics.macro_f1(classes, true[known, i], var.classes),
            }
    return errors


def _readings(dataset: Dataset, judge: Judge, images: np.ndarray, true: np.ndarray, sd: np.ndarray) -> dict:
    """Errors per variable by direct measurement (where there is one) with the predictor's inside."""
    labels, _ = judge(images)
    by_predictor = _errors(dataset.graph, labels, true, sd)
    if dataset.measure is None:
        return {name: {**error, "predictor": error} for name, error in by_predictor.items()}
    by_measurement = _errors(dataset.graph, dataset.measure(images), true, sd)
    return {name: {**error, "predictor": by_predictor[name]} for name, error in by_measurement.items()}


def _intervention(
    dataset: Dataset, model: TrainedModel, judge: Judge, test: Split, name: str, sd: np.ndarray, figures: pathlib.Path
) -> dict[str, dict]:
    """All measures of do(name), with values drawn from the test labels."""
    column = dataset.graph.index(name)
    rng = np.random.default_rng([PROTOCOL, column])
    drawn = test.labels[rng.permutation(len(test)), column]
    known = drawn[np.isfinite(drawn)]
    values = np.where(np.isfinite(drawn), drawn, known[rng.integers(len(known), size=len(drawn))])
    mask, wanted = np.zeros(test.labels.shape, bool), np.zeros_like(test.labels)
    mask[:, column], wanted[:, column] = True, values
    true_counterfactual = dataset.true_counterfactual or functools.partial(known_counterfactual, dataset.graph)
    true = true_counterfactual(test.labels, mask, wanted)
    images, labels = model.counterfactual(test.images, {name: values}, context=test.context)

    effect = _readings(dataset, judge, images, true, sd)
    unchanged = _errors(dataset.graph, test.labels, true, sd)
    others = [effect[other]["normalised"] for other in dataset.graph.names if other != name]
    if np.isfinite(others).any():
        effect["mean_of_others"] = float(np.nanmean(others))
    result = {"effectiveness": effect, "unchanged": unchanged}
    columns = label_columns(dataset, model.graph)
    believed = _errors(model.graph, labels, true[:, columns], sd[columns])
    result["mechanism"] = {child: believed[child] for child in model.graph.descendants(name)}
    if dataset.true_counterfactual is not None and dataset.graph.descendants(name):
        result["noise_redrawn"] = noise_redrawn(dataset, name, true, test.labels[rng.permutation(len(test))], sd)
    if test.context is not None:
        result["context_kept"] = float((judge(images)[1] == test.context).mean())
    rows = [("factual", test.images[:GRID_COLUMNS]), ("counterfactual", images[:GRID_COLUMNS])]
    if dataset.render is not None:
        rendered = dataset.render(true)
        mse = metrics.mean_squared_error(images, rendered)
        left = metrics.mean_squared_error(test.images, rendered)
        result["counterfactual_error"] = {"mse": mse, "psnr": metrics.psnr(mse), "mse_unchanged": left}
        result["floor"] = _readings(dataset, judge, rendered, true, sd)
        rows.append(("true counterfactual", rendered[:GRID_COLUMNS]))
    unit = dataset.graph.variables[column].unit
    captions = [
        f"{name}\n{old:.3g} to {new:.3g}"
        for old, new in list(zip(test.labels[:, column], values, strict=True))[:GRID_COLUMNS]
    ]
    counterfactual_grid(
        figures / f"do_{name}.png", rows, captions, f"{dataset.name}: do({name})" + (f", {unit}" if unit else "")
    )
    return result


def evaluate(directory: str | pathlib.Path) -> dict:
    """Evaluates a workdir on its test split; writes metrics.json, report.md and figures/ into it.

    Raises:
      InputError: not a trained workdir, other data than it was trained on, or a variable without any test label.
    """
    directory = pathlib.Path(directory)
    model = load(directory)
    settings = model.settings
    dataset = make_dataset(settings)
    workdir.check_dataset(directory, dataset.name)
    test = dataset.test.take(np.arange(min(len(dataset.test), settings.evaluate.num_images)))
    has_labels = np.isfinite(test.labels).any(0)
    unlabelled = [name for name, known in zip(dataset.graph.names, has_labels, strict=True) if not known]
    if unlabelled:
        raise InputError(
            f"none of the {len(test)} test images has a label of {unlabelled[0]!r}: label some, or use another split"
        )
    sd = LabelStats.of(dataset.train.labels, dataset.graph, num_rows=1).sd
    judge = cached_judge(dataset, settings.evaluate.predictor_steps, pathlib.Path(settings.data.data_dir) / "judges")
    (directory / "figures").mkdir(exist_ok=True)

    by_do = {
        f"do({name})": _intervention(dataset, model, judge, test, name, sd, directory / "figures")
        for name in tqdm(model.graph.names, "interventions")
    }
    reconstructed = model.reconstruct(test.images, context=test.context)
    mse = metrics.mean_squared_error(reconstructed, test.images)
    columns = label_columns(dataset, model.graph)
    results = {key: {do: part[key] for do, part in by_do.items() if key in part} for key in _sections(by_do)}
    floor = {"factual": _readings(dataset, judge, test.images, test.labels, sd), **results.pop("floor", {})}
    if test.context is not None:
        floor["context_read"] = float((judge(test.images)[1] == test.context).mean())
    train_json = directory / "train.json"
    results |= {
        "floor": floor,
        "composition": {
            "mse": mse,
            "psnr": metrics.psnr(mse),
            **_readings(dataset, judge, reconstructed, test.labels, sd),
        },
        "abduction": _errors(model.graph, model.encode(test.images), test.labels[:, columns], sd[columns]),
        "judge": {"validation": judge.validation},
        "train": json.loads(train_json.read_text()) if train_json.is_file() else {"steps": model.step},
        "protocol": {
            "version": PROTOCOL,
            "dataset": dataset.name,
            "num_images": len(test),
            "num_steps": settings.sample.num_steps,
            "guidance": settings.sample.guidance,
            "reader": "predictor" if dataset.measure is None else "direct measurement",
        },
    }
    results = _null_for_nan(results)
    (directory / "metrics.json").write_text(json.dumps(results, indent=2) + "\n")
    (directory / "report.md").write_text(report(results, dataset))
    return results


def _null_for_nan(results):
    """JSON knows no NaN: what is unknown becomes None."""
    if isinstance(results, dict):
        return {key: _null_for_nan(value) for key, value in results.items()}
    return None if isinstance(results, float) and np.isnan(results) else results


def _sections(by_do: dict) -> list[str]:
    keys: dict[str, None] = {}
    for part in by_do.values():
        keys |= dict.fromkeys(part)
    return list(keys)
