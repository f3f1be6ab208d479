"""Trains a model of your own images, measures it and draws it.

Interrupted, it goes on with the same command. What it leaves in the workdir is a model for cdae explore, cdae generate
and cdae_jax.load, its numbers in report.md and its pictures in figures/.

cdae fit --images=photos --labels=labels.xlsx --graph=graph.dot --workdir=mine
"""

from absl import flags

import cdae_jax
from cdae_jax.commands import define, own_flags
from cdae_jax.errors import InputError
from cdae_jax.evaluation.bench import Bench, dataset_of, first_of
from cdae_jax.evaluation.figures import draw_low_and_high
from cdae_jax.presets.methods import METHODS
from cdae_jax.presets.sizes import SIZES

WORKDIR = define.path("workdir", None, "Folder of the run.")
SIZE = flags.DEFINE_enum("size", "cpu", list(SIZES), "Of the model and its training: paper for accelerators.")
METHOD = flags.DEFINE_enum("method", "ours", list(METHODS), "How to train and decode.")
STEPS = flags.DEFINE_integer("steps", None, "How long to train; the size's without.", lower_bound=1)
MINUTES = flags.DEFINE_float("minutes", None, "How long to train, instead: the steps are those that take so long.")
INIT_FROM = define.path("init_from", None, "Workdir or .cdae file of a model to start from.")
flags.mark_flags_as_required(["images", "labels", "graph", "workdir"])


def main() -> None:
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
    if model.uncertainty is None:
        try:
            cdae_jax.calibrate(model)
        except InputError as err:  # too few images for it alone: the model is there
            print(f"counterfactuals without intervals: {err}")
    print(cdae_jax.evaluate(model))
    dataset = dataset_of(model, model.workdir)
    test = first_of(dataset.test, model.settings.data.num_evaluated)
    paths = draw_low_and_high(Bench(dataset, model, test, model.workdir / "figures"))
    print(f"numbers: {model.workdir / 'report.md'}")
    print("pictures: " + ", ".join(map(str, paths)))
    print(f"to try it in the browser: cdae explore --workdir={model.workdir}")
