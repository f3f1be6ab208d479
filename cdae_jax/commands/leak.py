"""How much of each factor can be read from x_T, u, z and pixels.

Writes leak.md and leak.json into the workdir.

cdae leak --workdir=runs/pendulum
"""

import pathlib

from absl import flags

from cdae_jax.commands import define
from cdae_jax.studies.leak import leak

WORKDIR = define.path("workdir", None, "Folder of a trained model.")
NUM_IMAGES = flags.DEFINE_integer("num_images", 1_200, "Test images.", lower_bound=100)
flags.mark_flag_as_required("workdir")


def main() -> None:
    leak(WORKDIR.value, NUM_IMAGES.value)
    print((pathlib.Path(WORKDIR.value) / "leak.md").read_text())
