"""Measures a trained model on test images: python -m experiments.evaluate --workdir=runs/pendulum"""

import pathlib

from absl import flags

from cdae_jax.evaluate import evaluate
from experiments import common

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of a trained model; metrics.json, report.md, figures/ go there.")
flags.mark_flag_as_required("workdir")


def main() -> None:
    evaluate(WORKDIR.value)
    print((pathlib.Path(WORKDIR.value) / "report.md").read_text())


if __name__ == "__main__":
    common.run(main)
