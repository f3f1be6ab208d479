"""Counterfactuals of test images as a picture.

--do=angle=+20 adds to the angle of each image (+-20 takes away), angle=*1.5 multiplies it, animal=cat sets a class;
--draws=20 shows how sure each is, after cdae calibrate;
--strength=0.5 makes half of the change, --strength=angle=0.5,light=1 half of one. What holds a comma stands in quotes
of its own: --do='"size, total=3"'

cdae counterfactual --workdir=runs/pendulum --do=angle=20,light=110
"""

import pathlib

import numpy as np
from absl import flags

from cdae_jax.commands import define, do_flags, sampling_flags
from cdae_jax.data.pipeline import label_columns, make_dataset
from cdae_jax.errors import InputError
from cdae_jax.evaluation.interventions import labels_under
from cdae_jax.evaluation.report import UNKNOWN
from cdae_jax.inference.checks import is_outside
from cdae_jax.inference.loading import load
from cdae_jax.inference.support import warning
from cdae_jax.plots.pictures import counterfactual_grid, deviation_row
from cdae_jax.training import workdir

WORKDIR = define.path("workdir", None, "Folder of a trained model.")
NUM = flags.DEFINE_integer("num", 8, "Number of test images.", lower_bound=1)
FIRST = flags.DEFINE_integer("first", 0, "Row of the first test image.", lower_bound=0)
LABELS = flags.DEFINE_enum(
    "factual_labels", "read", ["read", "given"], "Read by the encoder, or the dataset's, where it has some."
)
DRAWS = sampling_flags.define_draws()
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
    columns = label_columns(dataset, model.graph)
    given = test.labels[:, columns] if LABELS.value == "given" else None
    options = {"labels": given, "context": test.context} | sampling_flags.options()
    made = model.counterfactual(test.images, do, strength=strength, draws=DRAWS.value, **options)
    images, labels = made
    rows = [("factual", test.images), ("counterfactual", images)]
    if dataset.render is not None and dataset.true_counterfactual is not None:
        # What a change makes of the factual label is known only to the model.
        changed = {name: labels[:, model.graph.index(name)] for name, value in do.items() if isinstance(value, str)}
        strengths = strength if isinstance(strength, dict) else dict.fromkeys(do, strength)
        partly = {name: w for name, w in strengths.items() if name not in changed}
        true = labels_under(dataset, test.labels, do | changed, partly)
        if not np.isnan(true).any():
            rows.append(("true counterfactual", dataset.render(true)))
    factual = model.encode(test.images, labels=given, context=test.context, fit_steps=options["fit_steps"])
    after = [[var.spell(value) for var, value in zip(model.graph.variables, row, strict=True)] for row in labels]
    if DRAWS.value is not None:
        rows.append(deviation_row(made.image_sd))
        after = made.spread.told(model.graph, labels)
    to = " to " if DRAWS.value is None else "\nto "  # with an interval it is too long for one line
    captions = [
        "\n".join(
            f"{var.name} {var.spell(old)}{to}{new}"
            for var, old, new in zip(model.graph.variables, before, told, strict=True)
        )
        + ("" if np.isnan(support) else f"\nfarther than {support:.0f} %\nof training labels")
        for before, told, support in zip(factual, after, made.support, strict=True)
    ]
    wanted = ", ".join(
        f"{name} = {value}" if isinstance(value, str) else f"{name} = {value:g}" for name, value in do.items()
    )
    by_name = isinstance(strength, dict)
    shown = ", ".join(f"{name} = {w:g}" for name, w in strength.items()) if by_name else f"{strength:g}"
    weaker = "" if strength == 1 else f", strength {shown}"
    counterfactual_grid(output, rows, captions, f"{dataset.name}: do({wanted}){weaker}")
    held = [model.graph.index(name) for name in do]
    outside = is_outside(labels[:, held], model.stats.low[held], model.stats.high[held])  # then that was said
    if not outside and (far := warning(made.support)):
        print(f"note: {far}")
    if DRAWS.value is not None and dataset.true_counterfactual is None:
        print(UNKNOWN)
    print(f"wrote {output}")
