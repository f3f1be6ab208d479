"""MorphoMNIST scored as the benchmark of Melistas et al. does (arXiv 2403.20287, section 3 and its published code).

Effectiveness: under do(thickness), do(intensity) and do(digit), what its judges (`npz_judges`) read from the
counterfactual images against the true mechanism, the noise of each image being its own. A target is drawn uniformly
from the values in the test set outside the image's own of nine bins of equal width over the judges' range, a digit from
the other nine. (The benchmark's code takes the means of the values in these bins as borders.) Composition: the mean
absolute difference in grey levels 0..255, over the 32 x 32 pixels that the judges see, after doing nothing once, and
ten times over. The factual labels are given, as there, and once more read by the encoder; a context is always given.

The benchmark's code compares what its judges read with what the model itself takes the intensity to be: that stands
beside the error against the true mechanism, whose intensity the judge of the thickness is told.
"""

import dataclasses
import functools
import hashlib
import json
import pathlib
from collections.abc import Callable, Mapping

import numpy as np

from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.data import morpho_mnist
from cdae_jax.data.dataset import Split
from cdae_jax.data.morpho_files import load_morpho_files
from cdae_jax.errors import InputError
from cdae_jax.evaluation.bench import SEED, dataset_of, first_of
from cdae_jax.evaluation.metrics import mean_with_interval
from cdae_jax.evaluation.morpho_report import PUBLISHED, report_text
from cdae_jax.evaluation.npz_judges import NAMES, RANGES, NpzJudges, load_judges, padded
from cdae_jax.inference.loading import load
from cdae_jax.inference.provenance import parameters_digest, revision
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.paths import expanded, make_folder, write_whole
from cdae_jax.precision import in_float32
from cdae_jax.progress import tqdm

NUM_BINS = 9
CYCLES = (1, 10)
THICKNESS, INTENSITY, DIGIT = range(3)  # columns, as in NAMES


def targets_outside(values: np.ndarray, possible: np.ndarray, span: tuple[float, float], rng) -> np.ndarray:
    """For each of the values [N] one of the possible [M] from another bin, every distinct one being as likely. There
    are NUM_BINS equal bins over the span (low, high), the outer ones open. Raises InputError if all are in one bin.
    """
    borders, possible = np.linspace(*span, NUM_BINS + 1)[1:-1], np.unique(possible)
    own, bins = np.digitize(values, borders), np.digitize(possible, borders)
    if (bins == bins[0]).all():
        raise InputError(
            f"all {len(possible)} values of the test set are in one of the nine bins from {span[0]:.4g} to"
            f" {span[1]:.4g}, so that no other can be set: use a test set that varies"
        )
    drawn = np.empty(len(values))
    for i in np.unique(own):
        drawn[own == i] = rng.choice(possible[bins != i], (own == i).sum())
    return drawn


def other_digits(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each of the digits [N] one of the other nine."""
    return (digits + rng.integers(1, 10, len(digits))) % 10


def composition(null: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> dict[str, dict]:
    """How far images [N, 28, 28, 1] are from themselves after `null` was done to them CYCLES times, in grey levels."""
    found, made, moves = {}, images, True
    for cycle in tqdm(range(1, max(CYCLES) + 1), "cycles", leave=False):
        before, made = made, null(made) if moves else made
        moves = not np.array_equal(before, made)  # what one cycle leaves as it is the next one does too
        if cycle in CYCLES:
            gap = np.abs(padded(made).astype(np.int64) - padded(images))
            found[str(cycle)] = mean_with_interval(gap.mean((1, 2, 3)))
    return found


@dataclasses.dataclass(frozen=True)
class MorphoBench:
    """What every measurement needs; labels [N, 3] are thickness, intensity and digit."""

    model: TrainedModel
    options: Sampling
    judges: NpzJudges
    images: np.ndarray  # [N, 28, 28, 1] uint8
    labels: np.ndarray
    targets: dict[str, np.ndarray]  # variable -> the values [N] to set

    @property
    def has_context(self) -> bool:
        return self.model.model.num_classes > 0

    def counterfactual(self, images: np.ndarray, do: Mapping, given: bool, options: Sampling | None = None):
        """The model's counterfactuals, from factual labels that are given, or read."""
        graph = self.model.graph
        columns = [NAMES.index(name) for name in graph.names]
        return self.model.counterfactual(
            images,
            graph.spelled(do),
            labels=self.labels[:, columns] if given else None,
            context=self.labels[:, DIGIT].astype(np.int32) if self.has_context else None,
            options=options or self.options,
        )

    def truth(self, name: str) -> np.ndarray:
        """The labels [N, 3] under do(name = its targets) by the true mechanism."""
        mask = np.tile([name == other for other in NAMES], (len(self.labels), 1))
        return morpho_mnist.true_counterfactual(self.labels, mask, self.targets[name][:, None])

    def errors(self, images: np.ndarray, true: np.ndarray, believed: np.ndarray | None = None) -> dict[str, dict]:
        """Variable -> mean absolute error of what the judges read, of the digit the share that is right; true [N, 3];
        believed [N] is the intensity that the model itself holds true."""
        read = self.judges(images, true[:, INTENSITY])
        gaps = np.abs(read - true)
        found = {name: mean_with_interval(gaps[:, i]) for i, name in enumerate(NAMES[:DIGIT])}
        if believed is not None:
            found["intensity_by_model"] = mean_with_interval(np.abs(read[:, INTENSITY] - believed))
        return found | {"digit": mean_with_interval((gaps[:, DIGIT] == 0).astype(float))}

    def measure(self, given: bool) -> dict:
        """Effectiveness under every do(), and composition; where the inversion's loss is restored, which makes the null
        intervention exact, composition once more without that."""
        found = {}
        for name in tqdm(self.targets, f"labels {'given' if given else 'read'}"):
            images, believed = self.counterfactual(self.images, {name: self.targets[name]}, given)
            own = believed[:, self.model.graph.index("intensity")]
            found[f"do({name})"] = self.errors(images, self.truth(name), own)
        ways = {"composition": self.options}
        if self.options.abduction == "restore" and self.model.model.decoder.diffuses:
            ways["composition_not_restored"] = dataclasses.replace(self.options, abduction="invert")
        for name, options in ways.items():
            null = functools.partial(self.counterfactual, do={}, given=given, options=options)
            found[name] = composition(lambda made, null=null: null(made).images, self.images)
        return found


def _check_model(model: TrainedModel, directory: pathlib.Path) -> None:
    names = model.graph.names
    if model.settings.data.name != "morpho_mnist" or not {"thickness", "intensity"} <= set(names) <= set(NAMES):
        raise InputError(
            f"the model in {directory} is of {model.settings.data.name} with the variables {', '.join(names)}:"
            " --protocol=benchmark needs one of morpho_mnist with thickness and intensity"
        )


def _test_set(model: TrainedModel, directory: pathlib.Path, folder: str | pathlib.Path | None) -> tuple[Split, str]:
    """The test set, labels [M, 3], and what it is."""
    if folder is not None:
        split = load_morpho_files(folder)
        return morpho_mnist.labelled_with_digit(split), f"{expanded(folder)}, {len(split)} images"
    dataset = dataset_of(model, directory)
    test, told = dataset.test, f"our own rendering, the {len(dataset.test)} test images of {dataset.name}"
    return (test if test.context is None else morpho_mnist.labelled_with_digit(test)), f"{told}, not the benchmark's"


def _digest(test: Split) -> str:
    return hashlib.sha256(np.ascontiguousarray(test.images)).hexdigest()[:16]


@in_float32
def score(
    workdir: str | pathlib.Path,
    judges: str | pathlib.Path,
    *,
    test_set: str | pathlib.Path | None = None,
    judge_mode: str = "evaluation",
    num_images: int | None = None,
    options: Mapping | None = None,
    output: str | pathlib.Path | None = None,
) -> dict:
    """Scores a workdir's model on the first test images; writes benchmark.json, which it returns, and benchmark.md.

    Args:
      judges: folder of `npz_judges`, whose batch norm is in judge_mode "evaluation" or "training".
      test_set: a folder as `load_morpho_files` reads; None: the test split of the model's data.
      num_images: how many; None: the config's number. Targets come from the values of the whole test set.
      options: the fields of `Sampling` that differ from the model's defaults.
      output: folder to write to; None: the workdir.

    Raises InputError for no trained MorphoMNIST workdir, judges or a test set that cannot be read, and data that have
    changed since training.
    """
    directory = expanded(workdir)
    readers, model = load_judges(judges, judge_mode), load(directory)
    _check_model(model, directory)
    folder = expanded(output or directory)
    make_folder(folder, "--output")
    options = model.options(**(options or {}))
    whole, told = _test_set(model, directory, test_set)
    test = first_of(whole, num_images or model.settings.data.num_evaluated)
    targets = {}
    for i, name in enumerate(NAMES):
        rng, own = np.random.default_rng([SEED, i]), test.labels[:, i]
        if name in model.graph.names:
            all_ = whole.labels[:, i]
            targets[name] = other_digits(own, rng) if i == DIGIT else targets_outside(own, all_, RANGES[name], rng)
    bench = MorphoBench(model, options, readers, test.images, test.labels, targets)
    results = {
        "protocol": {
            "test_set": told,
            "is_own_rendering": test_set is None,
            "test_images": _digest(whole),
            "num_images": len(test),
            "judges": readers.digest,
            "judge_mode": judge_mode,
            "digit": "context" if bench.has_context else "variable" if "digit" in targets else "unknown to the model",
            "seed": SEED,
            "workdir": str(directory),
            "step": model.step,
            "parameters": parameters_digest(model.params),
            "revision": revision(),
            **dataclasses.asdict(options),
        },
        "real_images": bench.errors(test.images, test.labels),
        "unchanged": {f"do({name})": bench.errors(test.images, bench.truth(name)) for name in targets},
        "labels_given": bench.measure(given=True),
        "labels_read": bench.measure(given=False),
        "published": PUBLISHED,
    }
    if (directory / "train.json").is_file():
        results["train"] = json.loads((directory / "train.json").read_text())
    write_whole(folder / "benchmark.json", json.dumps(results, indent=2) + "\n")
    write_whole(folder / "benchmark.md", report_text(results))
    return results
