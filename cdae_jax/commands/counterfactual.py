"""Counterfactuals of test images as a picture.

--do=angle=+20 adds to the angle of each image (+-20 takes away), angle=*1.5 multiplies it, animal=cat sets a class;
--strength=0.5 makes half of the change, --strength=angle=0.5,light=1 half of one. What holds a comma stands in quotes
of its own: --do='"size, total=3"'

cdae counterfactual --workdir=runs/pendulum --do=angle=20,light=110
"""

import pathlib

import numpy as np
from absl import flags

from cdae_jax.commands import define, do_flags, sampling_flags
from cdae_jax.data.pipeline import make_dataset
from cdae_jax.errors import InputError
from cdae_jax.evaluation.metrics import as_classes
from cdae_jax.inference.loading import load
from cdae_jax.plots.pictures import counterfactual_grid
from cdae_jax.training import workdir

WORKDIR = define.path("workdir", None, "Folder of a trained model.")
NUM = flags.DEFINE_integer("num", 8, "Number of test images.", lower_bound=1)
FIRST = flags.DEFINE_integer("first", 0, "Row of the first test image.", lower_bound=0)
OUTPUT = define.path("output", "counterfactual.png", "PNG to write.")
flags.mark_flags_as_required(["workdir", "do"])


def main() -> None:
    do, strength = do_flags.do(), do_flags.strength()
    output = define.file_to_write(OUTPUT.value, ".png")
    model = load(WORKDIR.value)
    for name in do:
        model.graph.index(name)
    dataset = make_dataset(model.settings.data, model.settings.graph)
    workdir.check_dataset(pathlib.Path(WORKDIR.value), dataset)
    rows = np.arange(FIRST.value, min(FIRST.value + NUM.value, len(dataset.test)))
    if not len(rows):
        raise InputError(f"--first is {FIRST.value}: the test split has {len(dataset.test)} images")
    test = dataset.test.take(rows)
    images, labels = model.counterfactual(
        test.images,
        do,
        context=test.context,
        strength=strength,
        **sampling_flags.options(),
    )
    rows = [("factual", test.images), ("counterfactual", images)]
    if dataset.render is not None and dataset.true_counterfactual is not None:
        mask, values = np.zeros(test.labels.shape, bool), np.zeros_like(test.labels)
        for name, value in do.items():
            if isinstance(value, str):  # what the encoder reads, changed: known only to the model
                value = labels[:, model.graph.index(name)]
            mask[:, dataset.graph.index(name)], values[:, dataset.graph.index(name)] = True, value
        rows.append(("true counterfactual", dataset.render(dataset.true_counterfactual(test.labels, mask, values))))
    factual = model.encode(test.images, fit_steps=sampling_flags.FLAGS["fit_steps"].value)
    captions = [
        "\n".join(
            f"{name} {old:.3g} to {new:.3g}" for name, old, new in zip(model.graph.names, before, after, strict=True)
        )
        for before, after in zip(as_classes(model.graph, factual), as_classes(model.graph, labels), strict=True)
    ]
    wanted = ", ".join(
        f"{name} = {value}" if isinstance(value, str) else f"{name} = {value:g}" for name, value in do.items()
    )
    counterfactual_grid(output, rows, captions, f"{dataset.name}: do({wanted})")
    print(f"wrote {output}")
