"""Which mechanism fits each effect, from labels alone.

Every kind is fitted to the labels of the training images; by held-out labels one is chosen for each effect, as
config.model.mechanism=auto does before training. The table is of test images under do(), their labels given, against
the true mechanisms: usual values of the cause, and far ones.

cdae mechanisms --config=pendulum:cpu
cdae mechanisms --example --output=mechanisms.md
"""

import pathlib

import pandas as pd
from absl import flags

from cdae_jax.commands import config, define
from cdae_jax.data import example
from cdae_jax.data.pipeline import make_dataset
from cdae_jax.errors import InputError
from cdae_jax.evaluation.report import markdown_table
from cdae_jax.presets.build import plain_settings, with_shares
from cdae_jax.settings.run import Settings
from cdae_jax.studies.mechanisms import study_mechanisms

CONFIG = config.define()
OUTPUT = define.path("output", None, "Markdown file to write; none by default.")
EXAMPLE = flags.DEFINE_bool("example", False, "The labels of `cdae make_example`, instead of a config's.")


def main() -> None:
    output = define.file_to_write(OUTPUT.value, ".md") if OUTPUT.value else None
    scores, errors = study_mechanisms(*_settings_and_data())
    lines = ["Negative log-likelihood of held-out labels in nats, per effect:", ""]
    told = scores.mean.map("{:.3f}".format, na_action="ignore").fillna("-").assign(chosen=scores.chosen)
    lines += markdown_table(
        ["effect", *told], [[name, *row] for name, row in zip(told.index, told.values, strict=True)]
    )
    lines += [
        "",
        *(_errors(errors) if len(errors) else ["True mechanisms are unknown: nothing to hold these against."]),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if output:
        pathlib.Path(output).write_text(text)


def _errors(errors: pd.DataFrame) -> list[str]:
    wide = errors.pivot(index=["do", "effect", "targets"], columns="mechanism", values=["off by, in sd", "physical"])
    kinds = errors["mechanism"].unique()
    cells = [
        [*place, *(f"{row['off by, in sd'][kind]:.4f} [{row['physical'][kind]:.3g}]" for kind in kinds)]
        for place, row in wide.iterrows()
    ]
    told = "Off by, in standard deviations of the training labels [physical units], labels given:"
    return [told, "", *markdown_table(["do", "effect", "targets", *kinds], cells)]


def _settings_and_data():
    if not EXAMPLE.value:
        if CONFIG.value is None:
            raise InputError("neither --config nor --example is given: say whose labels, such as --config=pendulum:cpu")
        settings = config.settings().resolved()
        return settings, make_dataset(settings.data, settings.graph)
    if CONFIG.value is not None:
        raise InputError("both --config and --example are given: leave one out")
    plain = plain_settings("custom", "cpu", graph=example.GRAPH)
    plain["train"] = with_shares(plain["train"], plain["train"]["steps"])
    return Settings.from_dict(plain), example.make_dataset(2_000, 1_000, seed=0)
