"""Fits how sure counterfactuals are, for draws.

By validation images, which trained nothing: how far off the labels are that the model reads; and how else its
mechanisms may be. Writes uncertainty.safetensors into the workdir; cdae export takes it along.

cdae calibrate --workdir=runs/pendulum
"""

from absl import flags

from cdae_jax.commands import define
from cdae_jax.evaluation.calibrate import calibrate, describe
from cdae_jax.inference.loading import load

WORKDIR = define.path("workdir", None, "Folder of a trained model.")
flags.mark_flag_as_required("workdir")


def main() -> None:
    found = calibrate(WORKDIR.value)
    print("\n".join(describe(found, load(WORKDIR.value))))
