"""Is this model any good? Counterfactuals of test images against the truth (Monteiro et al., arXiv 2303.01274).

Effectiveness: under do(v = values drawn from the data's marginal), the labels read from the counterfactual images
against the labels that the true mechanisms give, for v and for every other variable. Two readers: direct
measurement of the pixels, and an anti-causal predictor. Where the true mechanisms are unknown, as for the user's own
data, the truth is known only for v and its non-descendants, which keep their labels: descendants are left out and
written as null; images in which v was really set, where the data has them, tell about these too (`experiment`). The
labels of the factual image, which a counterfactual starts from, are read by the encoder, and in a second measurement
given, as papers often assume: the errors left then are those of the mechanisms and the decoder. The floor is the same
reading of real images (of the rendered true counterfactual, where a renderer exists); "unchanged" is the error of
returning the factual image. `strength` measures every label as a change grows, against the truth and against the
model's own reconstruction.

Parts that are done are kept in <output>/evaluation and are not computed again while the model, the protocol and
this code stay the same. Every mean has a 95 % bootstrap interval over images, of this one training run.
"""

import copy
import dataclasses
import functools
import json
import pathlib
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.errors import InputError
from cdae_jax.evaluation import metrics
from cdae_jax.evaluation.bench import Bench, dataset_of, first_of, validation_of
from cdae_jax.evaluation.coverage import measure_uncertainty
from cdae_jax.evaluation.experiment import measure_experiment, rows_with
from cdae_jax.evaluation.figures import draw_beliefs, draw_do
from cdae_jax.evaluation.inception import inception_features, weights_digest
from cdae_jax.evaluation.interventions import measure_do, measure_do_given
from cdae_jax.evaluation.judge import fingerprint
from cdae_jax.evaluation.lpips import check_size, lpips
from cdae_jax.evaluation.nearness import against_error
from cdae_jax.evaluation.no_intervention import measure_composition, measure_floor, measure_latents
from cdae_jax.evaluation.report import report_text
from cdae_jax.evaluation.strength import measure_strength
from cdae_jax.graph import as_file_name, did_you_mean
from cdae_jax.inference.loading import load
from cdae_jax.inference.provenance import code_digest, parameters_digest, revision
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.paths import expanded, write_whole
from cdae_jax.plots.pictures import importance_matrix
from cdae_jax.precision import in_float32
from cdae_jax.progress import tqdm
from cdae_jax.training.fingerprint import digest_of_images

PROTOCOL = 4  # raise it when a number would change its meaning
PARTS = ("figures", "interventions", "given", "strength", "composition", "latents", "uncertainty")
SPLITS = ("test", "validation")
MIN_VALIDATION = 2


def _cached(path: pathlib.Path, key: dict, compute: Callable[[], dict] | None) -> dict | None:
    """What a file holds under the same key, else what `compute` returns, which is kept in it; None without both."""
    if path.is_file():
        stored = json.loads(path.read_text())
        if stored["key"] == key:
            return stored["result"]
    if compute is None:
        return None
    result = _null_for_nan(compute())
    write_whole(path, json.dumps({"key": key, "result": result}))
    return result


def _null_for_nan(results: dict) -> dict:
    """JSON knows no NaN: what is unknown becomes None."""
    return json.loads(json.dumps(results), parse_constant=lambda name: None if name == "NaN" else float(name))


def _check_parts(parts: Iterable[str]) -> None:
    for part in parts:
        if part not in PARTS:
            expected = f"expected some of {', '.join(PARTS)}{did_you_mean(part, PARTS)}"
            raise InputError(f"there is no part {part!r}: {expected}")


def _check_labels(dataset: Dataset, test: Split) -> None:
    for name, labels in zip(dataset.graph.names, test.labels.T, strict=True):
        if not np.isfinite(labels).any():
            says = f"none of the {len(test)} test images has a label of {name!r}"
            raise InputError(f"{says}: label some, or use another split")


def _key_of(bench: Bench) -> dict:
    """What the numbers depend on."""
    return {
        "protocol": PROTOCOL,
        "code": code_digest(),
        "dataset": bench.dataset.name,
        "judge": fingerprint(bench.dataset, bench.model.settings.data.judge_steps),
        "step": bench.model.step,
        "parameters": parameters_digest(bench.model.params),
        "num_images": len(bench.test),
        "test_images": digest_of_images(np.asarray(bench.test.images)),
        "seed": bench.seed,
        **dataclasses.asdict(bench.options),
    }


def _why_unsure(model: TrainedModel, directory: pathlib.Path, split: str) -> str | None:
    """Why "uncertainty" cannot be measured, in a sentence; None if it can."""
    if model.uncertainty is None:
        return f"the model in {directory} was not calibrated: run cdae calibrate --workdir={directory} first"
    if split == "validation":
        return (
            "the model was calibrated on the validation images, whose intervals hold by construction: measure the test"
            " split instead (--split=test)"
        )
    if model.uncertainty.fit_steps != model.defaults.fit_steps:
        return (
            f"the model was calibrated with fit_steps {model.uncertainty.fit_steps}, not {model.defaults.fit_steps}:"
            " leave fit_steps out, or leave uncertainty out of the parts"
        )
    return None


def _measure_and_draw(bench: Bench, name: str) -> dict:
    found = measure_do(bench, name)
    draw_do(bench, name, found)
    return found.result | {"per_image": found.gaps.tolist()}


def _measure_given(bench: Bench, name: str) -> dict:
    result, gaps = measure_do_given(bench, name)
    return result | {"per_image": gaps.tolist()}


def _by_section(by_do: dict[str, dict]) -> dict:
    """From do -> section -> measures, as they are kept, to section -> do -> measures, and the mean over all cells."""
    per_image = np.array([measured.pop("per_image") for measured in by_do.values()], float)
    found = {"mean_effectiveness": metrics.mean_with_interval(metrics.mean_of_cells(per_image))}
    near = {do: measured.pop("nearness") for do, measured in by_do.items() if "nearness" in measured}
    if len(near) == len(by_do):
        found["support"] = against_error(near, per_image)
    for section in dict.fromkeys(section for measured in by_do.values() for section in measured):
        found[section] = {do: measured[section] for do, measured in by_do.items() if section in measured}
    return found


def _about(bench: Bench, directory: pathlib.Path, key: dict) -> dict:
    """What the numbers come from: the judge, the training and the protocol."""
    settings, train_json = bench.model.settings, directory / "train.json"
    effects = (var for var in bench.model.graph.variables if var.parents)
    return {
        "judge": {"validation": bench.judge.validation, "rare": bench.judge.rare},
        "kinds": {var.name: var.mechanism or settings.model.mechanism for var in effects},
        "train": json.loads(train_json.read_text()) if train_json.is_file() else {"steps": bench.model.step},
        "protocol": {
            **key,
            "workdir": str(directory),
            "decoder": settings.model.decoder,
            "split": key.get("split", "test"),
            "reader": bench.reader,
            "features": "penultimate layer of the predictor",
            "train_seed": settings.train.seed,
            "revision": revision(),
        },
    }


class Report(dict):
    """What metrics.json holds; as text, and in a notebook, the tables of report.md."""

    def __init__(self, results: dict, text: str):
        super().__init__(results)
        self.text = text

    def __str__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.text


@in_float32
def evaluate(
    source: TrainedModel | str | pathlib.Path,
    *,
    parts: Iterable[str] = PARTS,
    options: Mapping | None = None,
    num_images: int | None = None,
    split: str = "test",
    output: str | pathlib.Path | None = None,
    inception_weights: str | pathlib.Path | None = None,
    lpips_weights: str | pathlib.Path | None = None,
) -> Report:
    """Evaluates a workdir's newest model, or one loaded before as it is, on its test split, or on its validation split
    if settings are to be chosen by the numbers; writes metrics.json, report.md, figures/, evaluation/.

    PARTS that are left out show the results kept from before; "uncertainty" takes a model that was calibrated for the
    same fit_steps, and test images, since it was calibrated on the validation images. Options are the
    fields of `Sampling` that differ from the model's defaults. Images are the first num_images of the split, None for
    the config's number. The output is a folder, None for the workdir or its folder "validation". inception_weights
    (`evaluation.inception`; slow on a CPU) add a second Frechet distance, lpips_weights (`evaluation.lpips`) perceptual
    distances. Raises InputError for no trained workdir, other data than it was trained on, an unknown part, split or
    option, a variable without any test label, a weights file that is none, or images too small for LPIPS.
    """
    parts = tuple(parts)
    _check_parts(parts)
    if split not in SPLITS:
        raise InputError(f"the split is {split!r}: expected one of {', '.join(SPLITS)}")
    is_model = isinstance(source, TrainedModel)
    directory = source.workdir if is_model else expanded(source)
    if directory is None:
        raise InputError("this model comes from a file without its data: evaluate the workdir that it was trained in")
    model = copy.copy(source) if is_model else load(directory)  # a copy, whose defaults are set below
    inception = inception_features(inception_weights) if inception_weights else None
    perceptual = lpips(lpips_weights) if lpips_weights else None
    options = model.defaults = model.options(**(options or {}))  # also of what decodes nothing
    unsure = _why_unsure(model, directory, split)
    if parts == ("uncertainty",) and unsure:
        raise InputError(unsure)
    dataset, folder = dataset_of(model, directory), directory
    if split == "validation":
        validation = validation_of(dataset, directory, MIN_VALIDATION)
        dataset = dataclasses.replace(dataset, test=validation, interventional=None)  # which are test images too
        folder = directory / split
    test = first_of(dataset.test, num_images or model.settings.data.num_evaluated)
    _check_labels(dataset, test)
    if perceptual is not None:
        check_size(test.images)
    folder = expanded(output or folder)
    for sub in ("figures", "evaluation"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    bench = Bench(dataset, model, test, folder / "figures", options, inception=inception, lpips=perceptual)
    given = {"inception": inception_weights, "lpips": lpips_weights}
    key = _key_of(bench) | {name: weights_digest(weights) for name, weights in given.items() if weights}
    key |= {"split": split} if split != "test" else {}

    def kept(name: str, part: str, compute: Callable[..., dict], *args, **also) -> dict | None:
        computed = functools.partial(compute, bench, *args) if part in ("floor", *parts) else None
        return _cached(folder / "evaluation" / f"{as_file_name(name)}.json", key | also, computed)

    beliefs = kept("figures", "figures", draw_beliefs)  # something to see before the long work
    results = {"floor": kept("floor", "floor", measure_floor)}
    names = tqdm(model.graph.names, "interventions")
    by_do = {f"do({name})": kept(f"do_{name}", "interventions", _measure_and_draw, name) for name in names}
    if all(by_do.values()):
        found = _by_section(by_do)
        results |= found | {"floor": results["floor"] | found.get("floor", {})}
    names = [name for name in model.graph.names if len(rows_with(dataset, name))]
    real = {f"do({name})": kept(f"experiment_{name}", "interventions", measure_experiment, name) for name in names}
    if real and all(real.values()):
        results["experiment"] = real
    names = tqdm(model.graph.names, "interventions, labels given")
    given = {f"do({name})": kept(f"do_{name}_given", "given", _measure_given, name) for name in names}
    if all(given.values()):
        results["given"] = _by_section(given)
    others = {"strength": measure_strength, "composition": measure_composition, "latents": measure_latents}
    found = {part: kept(part, part, compute) for part, compute in others.items()} | {"figures": beliefs}
    if not unsure:
        drawn = parameters_digest(model.uncertainty.to_arrays())
        found["uncertainty"] = kept("uncertainty", "uncertainty", measure_uncertainty, drawn=drawn)
    results |= {part: measured for part, measured in found.items() if measured is not None}
    if "latents" in results:
        importance_matrix(folder / "figures" / "dci.png", np.array(results["latents"]["importance"]), model.graph.names)
    results = _null_for_nan(results | _about(bench, directory, key))
    write_whole(folder / "metrics.json", json.dumps(results, indent=2) + "\n")
    text = report_text(results, dataset)
    write_whole(folder / "report.md", text)
    return Report(results, text)
