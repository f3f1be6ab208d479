"""A trained model as one file that travels, or as a folder.

cdae_jax.load("pendulum.cdae") reads it. It is a zip; README.md in it is for people. Without a suffix --output is a
folder with the same files, as the Hugging Face hub expects it: `hf upload user/name hub`, and then
cdae_jax.load("hf://user/name").

cdae export --workdir=runs/pendulum --output=pendulum.cdae
cdae export --workdir=runs/pendulum --output=hub
cdae export --workdir=runs/pendulum --output=pendulum.cdae --precision=float16
"""

import json
import pathlib

from absl import flags

from cdae_jax.commands import define
from cdae_jax.errors import InputError
from cdae_jax.evaluation.model_card import model_card
from cdae_jax.inference import archive
from cdae_jax.inference.loading import load
from cdae_jax.inference.stablehlo import programs
from cdae_jax.training import workdir

WORKDIR = define.path("workdir", None, "Folder of a trained model.")
OUTPUT = define.path("output", None, f"File to write, *{archive.SUFFIX}, or a new folder.")
STABLEHLO = flags.DEFINE_bool("stablehlo", False, "Add programs that run with jax alone.")
PRECISION = flags.DEFINE_enum("precision", "float32", list(archive.PRECISIONS), "Of the stored weights.")
flags.mark_flags_as_required(["workdir", "output"])


def main() -> None:
    directory, output = pathlib.Path(WORKDIR.value), pathlib.Path(OUTPUT.value)
    if output.suffix:
        output = define.file_to_write(OUTPUT.value, archive.SUFFIX)
    elif output.exists() or not output.absolute().parent.is_dir():
        raise InputError(
            f"--output is {OUTPUT.value!r}: expected a {archive.SUFFIX} file, or a folder that is new, in"
            " one that exists"
        )
    if not directory.is_dir():
        raise InputError(f"--workdir is {WORKDIR.value!r}, which is no folder: give that of a trained model")
    model, dataset = load(directory), workdir.dataset_of(directory)
    evaluation = directory / "metrics.json"
    metrics = json.loads(evaluation.read_text()) if evaluation.is_file() else None
    if metrics is not None and metrics["protocol"]["step"] != model.step:
        metrics = None  # of weights that have been trained further since
    files = {"README.md": model_card(model, dataset, metrics).encode()}
    if metrics is not None:
        files["metrics.json"] = evaluation.read_bytes()
    if STABLEHLO.value:
        files |= programs(model)
    archive.write(output, model, dataset, files, PRECISION.value)
    size = sum(path.stat().st_size for path in [output, *output.rglob("*")] if path.is_file())
    print(f"{output}: {size / 2**20:.1f} MiB, {len(files)} files beside the model")
    if metrics is None:
        print(f"not evaluated: run cdae evaluate --workdir={directory} first to have numbers on the card")
