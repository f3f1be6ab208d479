"""What measurements are made on: a model, its data, some test images, and who reads their labels."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable

import numpy as np

from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.labels import LabelStats, shown
from cdae_jax.data.pipeline import label_columns, make_dataset
from cdae_jax.errors import InputError
from cdae_jax.evaluation.judge import Judge, cached_judge
from cdae_jax.inference.support import TrainingLabels
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.paths import expanded
from cdae_jax.training import workdir

SEED = 1  # of the values that are set


def dataset_of(model: TrainedModel, directory: str | pathlib.Path) -> Dataset:
    """The data that a workdir's model was trained on. Raises InputError if its config now gives others or none, and for
    a model of a file or of the package, which has no workdir."""
    if model.workdir is None:
        raise InputError(f"{directory} is a model without its data: give the workdir that it was trained in")
    dataset = make_dataset(model.settings.data, model.settings.graph)
    workdir.check_dataset(pathlib.Path(directory), dataset)
    return dataset


def validation_of(dataset: Dataset, directory: str | pathlib.Path, needed: int) -> Split:
    """The validation images of the data of a workdir. Raises InputError for fewer than are needed."""
    found = len(dataset.validation) if dataset.validation else 0
    if found < needed:
        raise InputError(
            f"the run in {directory} has {found} validation images, expected {needed} at least: train into a new"
            " --workdir with more images or a larger config.data.validation_share"
        )
    return dataset.validation


def first_of(split: Split, num: int) -> Split:
    """The first num examples, or all if there are fewer, read into memory."""
    return split.take(np.arange(min(num, len(split))))


@dataclasses.dataclass(frozen=True)
class Bench:
    """What every measurement needs."""

    dataset: Dataset
    model: TrainedModel
    test: Split  # the images and labels that are measured
    figures: pathlib.Path  # folder for pictures
    options: Sampling | None = None  # how the model decodes; None for its defaults
    seed: int = SEED
    # images [N, H, W, C] uint8 -> Inception features [N, 2048]; None without its weights
    inception: Callable[[np.ndarray], np.ndarray] | None = None
    # two stacks [N, H, W, C] uint8 -> their perceptual distances [N]; None without weights
    lpips: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None

    def counterfactual(self, images: np.ndarray, do: dict, context: np.ndarray | None, labels=None):
        """The model's counterfactuals, decoded by `options`; classes in `do` are codes."""
        do = self.model.graph.spelled(do)
        return self.model.counterfactual(images, do, labels=labels, context=context, options=self.options)

    @functools.cached_property
    def sd(self) -> np.ndarray:
        """Standard deviations [n] of the training labels, physical."""
        return LabelStats.of(self.dataset.train.labels, self.dataset.graph, num_rows=1).sd

    @functools.cached_property
    def training_labels(self) -> TrainingLabels:
        """In the order of the model's graph."""
        labels, graph = self.dataset.train.labels, self.model.graph
        return TrainingLabels(LabelStats.of(labels[:, label_columns(self.dataset, graph)], graph).rows, graph)

    @functools.cached_property
    def judge(self) -> Judge:
        """The anti-causal predictor, trained when it is first needed on this data."""
        data = self.model.settings.data
        return cached_judge(self.dataset, data.judge_steps, expanded(data.data_dir) / "judges")

    @functools.cached_property
    def features_of_test(self) -> np.ndarray:
        """The judge's features [N, D] of the test images."""
        return self.judge.features(self.test.images)

    @functools.cached_property
    def inception_of_test(self) -> np.ndarray:
        """Inception features [N, 2048] of the test images."""
        return self.inception(self.test.images)

    def told(self, name: str) -> Callable[[float], str]:
        """How figures write a label of a variable: a class by its word, a number with the digits that matter."""
        i = self.dataset.graph.index(name)
        ends = [end.reduce(self.test.labels[:, i]) for end in (np.fmin, np.fmax)]
        var = self.dataset.graph.variables[i]
        return var.spell if var.classes else lambda value: shown(value, *ends, digits=3)

    @functools.cached_property
    def unmeasured(self) -> np.ndarray:
        """[n] bool: the variables that no direct measurement tells."""
        measure = self.dataset.measure
        if measure is None:
            return np.full(len(self.dataset.graph), True)
        return np.isnan(measure(first_of(self.dataset.test, 1).images)[0])

    @property
    def reader(self) -> str:
        """Who reads labels, in words."""
        names = np.array(self.dataset.graph.names)[self.unmeasured]
        if len(names) == len(self.dataset.graph):
            return "predictor"
        return "direct measurement" + (f" ({', '.join(names)} by the predictor)" if len(names) else "")

    def read(self, images: np.ndarray) -> np.ndarray:
        """Labels [N, n], physical, by direct measurement, or by the predictor where there is none."""
        if not self.unmeasured.any():
            return self.dataset.measure(images)
        read = self.judge(images)[0]
        return read if self.unmeasured.all() else np.where(self.unmeasured, read, self.dataset.measure(images))

    def draw_values(self, column: int) -> tuple[np.ndarray, np.ndarray]:
        """The values [N] to set, drawn from the test labels, and the order [N] of the images they come from."""
        order = np.random.default_rng([self.seed, column]).permutation(len(self.test))
        drawn = self.test.labels[order, column]
        known = np.isfinite(drawn)
        others = np.random.default_rng([self.seed, column, 1]).choice(drawn[known], len(drawn))
        return np.where(known, drawn, others), order
