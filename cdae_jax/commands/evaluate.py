"""Measures a trained model on test images, and draws it.

What is done is kept and not computed again. Other ways to decode than the config's go to a folder of their own, as
with --abduction=noise --output=runs/pendulum/noise

--protocol=benchmark --judges=<folder> scores a MorphoMNIST model as the benchmark of arXiv 2403.20287 does, on its test
set (--test_set=<folder>) or on our own: benchmark.json, benchmark.md.

cdae evaluate --workdir=runs/pendulum
"""

import pathlib

from absl import flags

from cdae_jax.commands import define, sampling_flags
from cdae_jax.errors import InputError
from cdae_jax.evaluation.evaluate import PARTS, SPLITS, evaluate
from cdae_jax.evaluation.morpho_benchmark import score
from cdae_jax.evaluation.npz_judges import MODES

WORKDIR = define.path("workdir", None, "Folder of a trained model.")
OUTPUT = define.path("output", None, "Folder for what is written; default: the workdir.")
ONLY = flags.DEFINE_list("parts", list(PARTS), f"What to measure, some of {', '.join(PARTS)}.")
SPLIT = flags.DEFINE_enum("split", "test", SPLITS, "Images to measure; validation is to choose settings by.")
NUM_IMAGES = flags.DEFINE_integer("num_images", None, "Images; default: the config's.", lower_bound=2)
INCEPTION = define.path(
    "inception_weights", None, "Keras's Inception v3 weights without top (.h5), for a second Frechet distance."
)
LPIPS = define.path("lpips_weights", None, "Weights of LPIPS (.npz; docs/metrics.md says how to make it).")
PROTOCOL = flags.DEFINE_enum("protocol", "own", ["own", "benchmark"], "Our measures, or the MorphoMNIST benchmark's.")
JUDGES = define.path("judges", None, "Folder of the benchmark's judges, .npz: see cdae convert_judges.")
JUDGE_MODE = flags.DEFINE_enum("judge_mode", "evaluation", MODES, "Mode of the judges' batch norm.")
TEST_SET = define.path("test_set", None, "Folder of the benchmark's test set: IDX files, CSV; default: our rendering.")
flags.mark_flag_as_required("workdir")
OF_ONE = {"own": (ONLY, INCEPTION, LPIPS, SPLIT), "benchmark": (JUDGES, JUDGE_MODE, TEST_SET)}


def _check_protocol() -> None:
    for protocol, holders in OF_ONE.items():
        for flag in holders:
            if protocol != PROTOCOL.value and flag.present:
                raise InputError(f"--{flag.name} is of --protocol={protocol}, and --protocol is {PROTOCOL.value}")
    if PROTOCOL.value == "benchmark" and JUDGES.value is None:
        raise InputError("--protocol=benchmark needs --judges, a folder of the benchmark's judges as .npz")


def main() -> None:
    _check_protocol()
    options = sampling_flags.options()
    if any(value is not None for value in options.values()) and OUTPUT.value is None:
        raise InputError("other options than the config's need an --output, beside the workdir's own evaluation")
    if PROTOCOL.value == "benchmark":
        how = {"test_set": TEST_SET.value, "judge_mode": JUDGE_MODE.value, "num_images": NUM_IMAGES.value}
        score(WORKDIR.value, JUDGES.value, **how, options=options, output=OUTPUT.value)
        print((pathlib.Path(OUTPUT.value or WORKDIR.value) / "benchmark.md").read_text())
        return
    report = evaluate(
        WORKDIR.value,
        parts=ONLY.value,
        options=options,
        num_images=NUM_IMAGES.value,
        split=SPLIT.value,
        output=OUTPUT.value,
        inception_weights=INCEPTION.value,
        lpips_weights=LPIPS.value,
    )
    print(report)
