"""Trains a model of your own images, measures it and draws it.

Interrupted, it goes on with the same command. What it leaves in the workdir is a model for cdae explore, cdae generate
and cdae_jax.load, its numbers in report.md and its pictures in figures/.

cdae fit --images=photos --labels=labels.csv --graph=graph.json --workdir=mine
"""

import pathlib

import numpy as np
from absl import flags

from cdae_jax.commands import define, own_flags
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.evaluation.bench import dataset_of, first_of
from cdae_jax.evaluation.figures import with_unit
from cdae_jax.evaluation.metrics import as_classes
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.plots.pictures import image_grid
from cdae_jax.presets.methods import METHODS
from cdae_jax.presets.sizes import SIZES

WORKDIR = define.path("workdir", None, "Folder of the run.")
SIZE = flags.DEFINE_enum("size", "cpu", list(SIZES), "Of the model and its training: paper for accelerators.")
METHOD = flags.DEFINE_enum("method", "ours", list(METHODS), "How to train and decode.")
STEPS = flags.DEFINE_integer("steps", None, "How long to train; the size's without.", lower_bound=1)
MINUTES = flags.DEFINE_float("minutes", None, "How long to train, instead: the steps are those that take so long.")
INIT_FROM = define.path("init_from", None, "Workdir or .cdae file of a model to start from.")
flags.mark_flags_as_required(["images", "labels", "graph", "workdir"])

SHOWN = 8  # test images
LOW_AND_HIGH = (0.05, 0.95)  # quantiles of the training labels


def low_and_high(labels: np.ndarray, classes: int) -> tuple[float, float]:
    """Two values of a variable from its training labels [N], NaN where unknown: the first and the last class, or small
    and large ones that are no outliers."""
    low, high = (0, classes - 1) if classes else np.nanquantile(labels, LOW_AND_HIGH)
    return float(low), float(high)


def draw_low_and_high(
    model: TrainedModel, train: Split, test: Split, dataset: Dataset, folder: pathlib.Path
) -> list[pathlib.Path]:
    """For every variable the test images and their counterfactuals under a low and a high value; returns the files."""
    read, paths = as_classes(model.graph, model.encode(test.images)), []
    for i, var in enumerate(model.graph.variables):
        rows = [("factual", test.images)]
        for value in low_and_high(train.labels[:, dataset.graph.index(var.name)], var.classes):
            made, _ = model.counterfactual(test.images, {var.name: value}, context=test.context)
            rows.append((f"do({var.name} = {value:.3g})", made))
        paths.append(folder / f"low_and_high_{var.name}.png")
        captions = [f"{var.name} {value:.3g}" for value in read[:, i]]
        image_grid(paths[-1], rows, captions, f"do({with_unit(var.name, var.unit)})")
    return paths


def main() -> None:
    import cdae_jax

    model = cdae_jax.fit(
        own_flags.IMAGES.value,
        own_flags.LABELS.value,
        own_flags.GRAPH.value,
        size=SIZE.value,
        method=METHOD.value,
        steps=STEPS.value,
        minutes=MINUTES.value,
        workdir=WORKDIR.value,
        changes=own_flags.changes(),
        init_from=INIT_FROM.value,
    )
    cdae_jax.evaluate(model)
    dataset = dataset_of(model, model.workdir)
    figures = model.workdir / "figures"
    paths = draw_low_and_high(model, dataset.train, first_of(dataset.test, SHOWN), dataset, figures)
    print(f"numbers: {model.workdir / 'report.md'}")
    print("pictures: " + ", ".join(map(str, paths)))
    print(f"to try it in the browser: cdae explore --workdir={model.workdir}")
