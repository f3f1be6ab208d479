"""Looks at a dataset before training:

python -m experiments.inspect --config=configs/pendulum.py:cpu --output=sheet.png
"""

import pathlib

import numpy as np
from absl import flags
from ml_collections import config_flags

from cdae_jax.data.inspection import describe
from cdae_jax.data.pipeline import label_columns, make_dataset
from cdae_jax.errors import InputError
from cdae_jax.plots.pictures import contact_sheet
from cdae_jax.settings.run import Settings
from experiments import common

CONFIG = config_flags.DEFINE_config_file("config", None, "Config file and size.", lock_config=True)
OUTPUT = flags.DEFINE_string("output", None, "PNG for a contact sheet of training images; none by default.")
flags.mark_flag_as_required("config")


def main() -> None:
    settings = Settings.from_dict(CONFIG.value.to_dict()).resolved()
    output = pathlib.Path(OUTPUT.value) if OUTPUT.value else None
    if output and (output.suffix.lower() != ".png" or not output.absolute().parent.is_dir()):
        raise InputError(f"--output is {OUTPUT.value!r}: expected a .png file in a folder that exists")
    dataset = make_dataset(settings.data, settings.graph)
    train = dataset.train.with_labels(settings.data.label_fraction, settings.data.seed)
    columns = label_columns(dataset, settings.graph)
    shape = " x ".join(map(str, dataset.train.images.shape[1:]))
    print(f"{dataset.name}: {len(train)} training and {len(dataset.test)} test images of {shape}\n")
    print(describe(train.labels[:, columns], settings.graph))
    if output:
        contact_sheet(output, train.take(np.arange(min(40, len(train)))), dataset.graph, dataset.name)
        print(f"\nwrote {output}")


if __name__ == "__main__":
    common.run(main)
