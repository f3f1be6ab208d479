"""Which mechanism fits each effect, from labels alone.

Every kind is fitted to the labels of the training images; by held-out labels one is chosen for each effect, as
config.model.mechanism=auto does before training. The table is of test images under do(), their labels given, against
the true mechanisms: usual values of the cause, and far ones.

cdae mechanisms --config=pendulum:cpu
cdae mechanisms --config=circuit_lookalike:cpu --output=mechanisms.md
"""

import pathlib

from absl import flags

from cdae_jax.commands import config, define
from cdae_jax.evaluation.report import markdown_table
from cdae_jax.studies.mechanisms import study_mechanisms

CONFIG = config.define()
STEPS = flags.DEFINE_integer("steps", 10_000, "Of fitting each kind.", lower_bound=1)
OUTPUT = define.path("output", None, "Markdown file to write; none by default.")
flags.mark_flag_as_required("config")


def main() -> None:
    output = define.file_to_write(OUTPUT.value, ".md") if OUTPUT.value else None
    scores, errors = study_mechanisms(config.settings(), STEPS.value)
    lines = ["Negative log-likelihood of held-out labels in nats, per effect:", ""]
    told = scores.mean.map("{:.3f}".format, na_action="ignore").fillna("-").assign(chosen=scores.chosen)
    lines += markdown_table(
        ["effect", *told], [[name, *row] for name, row in zip(told.index, told.values, strict=True)]
    )
    wide = errors.pivot(index=["do", "effect", "targets"], columns="mechanism", values=["off by, in sd", "physical"])
    kinds = errors["mechanism"].unique()
    lines += ["", "Off by, in standard deviations of the training labels [physical units], labels given:", ""]
    cells = [
        [*place, *(f"{row['off by, in sd'][kind]:.4f} [{row['physical'][kind]:.3g}]" for kind in kinds)]
        for place, row in wide.iterrows()
    ]
    text = "\n".join([*lines, *markdown_table(["do", "effect", "targets", *kinds], cells)]) + "\n"
    print(text)
    if output:
        pathlib.Path(output).write_text(text)
