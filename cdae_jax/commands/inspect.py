"""Looks at a dataset before training.

cdae inspect --config=pendulum:cpu --output=sheet.png
cdae inspect --images=photos --labels=labels.xlsx --graph=graph.dot
"""

import numpy as np
from absl import flags

from cdae_jax.commands import config, define, own_flags
from cdae_jax.data.discovery import check_installed
from cdae_jax.data.freedom import hardly_shown
from cdae_jax.data.inspection import describe
from cdae_jax.data.pipeline import label_columns, make_dataset
from cdae_jax.errors import InputError
from cdae_jax.plots.pictures import contact_sheet

CONFIG = config.define()
OUTPUT = define.path("output", None, "PNG for a contact sheet of training images; none by default.")
LEARNED = flags.DEFINE_bool("learned_graph", False, "Show a graph learned from the labels beside the given one.")


def main() -> None:
    if own_flags.given() == (CONFIG.value is not None):
        raise InputError("expected either --config, or --images, --labels and --graph")
    settings = own_flags.settings() if own_flags.given() else config.settings()
    if LEARNED.value:
        check_installed()
    output = define.file_to_write(OUTPUT.value, ".png") if OUTPUT.value else None
    dataset = make_dataset(settings.data, settings.graph)
    train = dataset.train.with_labels(settings.data.label_fraction, settings.data.seed)
    columns = label_columns(dataset, settings.graph)
    shape = " x ".join(map(str, dataset.train.images.shape[1:]))
    held = len(dataset.validation) if dataset.validation else 0
    print(f"{dataset.name}: {len(train)} training, {held} validation and {len(dataset.test)} test images of {shape}\n")
    labels, was_set = train.labels[:, columns], train.was_set[:, columns]
    print(describe(labels, was_set, settings.graph, LEARNED.value))
    for effect in hardly_shown(labels, was_set, settings.graph, settings.draws_parts):
        print(f"\n{effect}")
    if output:
        contact_sheet(output, train.take(np.arange(min(40, len(train)))), dataset.graph, dataset.name)
        print(f"\nwrote {output}")
