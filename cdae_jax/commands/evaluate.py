"""Measures a trained model on test images, and draws it.

What is done is kept and not computed again. Other ways to decode than the config's go to a folder of their own, as
with --abduction=noise --output=runs/pendulum/noise

cdae evaluate --workdir=runs/pendulum
"""

import pathlib

from absl import flags

from cdae_jax.commands import define, sampling_flags
from cdae_jax.errors import InputError
from cdae_jax.evaluation.evaluate import PARTS, evaluate

WORKDIR = define.path("workdir", None, "Folder of a trained model.")
OUTPUT = define.path("output", None, "Folder for metrics.json, report.md, figures/; default: the workdir.")
ONLY = flags.DEFINE_list("parts", list(PARTS), f"What to measure, some of {', '.join(PARTS)}.")
NUM_IMAGES = flags.DEFINE_integer("num_images", None, "Test images; default: the config's.", lower_bound=2)
INCEPTION = define.path(
    "inception_weights", None, "Keras's Inception v3 weights without top (.h5), for a second Frechet distance."
)
flags.mark_flag_as_required("workdir")


def main() -> None:
    options = sampling_flags.options()
    if any(value is not None for value in options.values()) and OUTPUT.value is None:
        raise InputError("other options than the config's need an --output, beside the workdir's own evaluation")
    evaluate(
        WORKDIR.value,
        parts=ONLY.value,
        options=options,
        num_images=NUM_IMAGES.value,
        output=OUTPUT.value,
        inception_weights=INCEPTION.value,
    )
    print((pathlib.Path(OUTPUT.value or WORKDIR.value) / "report.md").read_text())
