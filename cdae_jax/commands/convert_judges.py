"""Converts the judges of the MorphoMNIST benchmark to .npz.

They are for evaluate --protocol=benchmark. --checkpoints is the folder trained_classifiers/ of arXiv 2403.20287's
code, with one thickness_classifier*.ckpt, and so on; PyTorch is not needed, and nothing that a file names is run.

cdae convert_judges --checkpoints=trained_classifiers --output=judges
"""

import pathlib

import numpy as np
from absl import flags

from cdae_jax.commands import define
from cdae_jax.errors import InputError
from cdae_jax.evaluation.npz_judges import NAMES, check_weights, shapes_of
from cdae_jax.evaluation.torch_files import read_state
from cdae_jax.paths import make_folder

CHECKPOINTS = define.path("checkpoints", None, "Folder of the benchmark's checkpoints.")
OUTPUT = define.path("output", None, "Folder for the .npz files.")
flags.mark_flags_as_required(["checkpoints", "output"])


def main() -> None:
    found = {}
    for name in NAMES:
        paths = sorted(pathlib.Path(CHECKPOINTS.value).glob(f"{name}_classifier*.ckpt"))
        if len(paths) != 1:
            told = ", ".join(path.name for path in paths) or "none"
            raise InputError(f"{CHECKPOINTS.value} has {told} of {name}_classifier*.ckpt: expected one")
        found[name] = read_state(paths[0])
        check_weights(str(paths[0]), f"judge of the {name}", shapes_of(name), found[name])
    folder = pathlib.Path(OUTPUT.value)
    make_folder(folder, "--output")
    for name, arrays in found.items():
        np.savez(folder / f"{name}_classifier.npz", **arrays)
        print(f"wrote {folder / f'{name}_classifier.npz'}")
