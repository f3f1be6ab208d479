"""How counterfactuals answer to the strength of the change.

Or to guidance, num_steps or depth. Writes strength.md, strength.json, strength.png and a grid of images for each
do(), strength_<variable>.png, into the workdir (or those of the other knob).

cdae strength --workdir=runs/pendulum
cdae strength --workdir=runs/pendulum --knob=guidance --values=0,1,2,3
"""

import pathlib

from absl import flags

from cdae_jax.commands import define
from cdae_jax.errors import InputError
from cdae_jax.studies.response import KNOBS, response_curves

WORKDIR = define.path("workdir", None, "Folder of a trained model.")
KNOB = flags.DEFINE_enum("knob", "strength", KNOBS, "What is varied.")
VALUES = flags.DEFINE_list("values", ["0", "0.25", "0.5", "0.75", "1"], "Values of w, increasing.")
NUM_IMAGES = flags.DEFINE_integer("num_images", 128, "Test images.", lower_bound=2)
flags.mark_flag_as_required("workdir")


def main() -> None:
    try:
        grid = [float(value) for value in VALUES.value]
    except ValueError:
        raise InputError(f"--values is {','.join(VALUES.value)}: expected numbers, such as 0,0.5,1") from None
    response_curves(WORKDIR.value, KNOB.value, grid, NUM_IMAGES.value)
    print((pathlib.Path(WORKDIR.value) / f"{KNOB.value}.md").read_text())
