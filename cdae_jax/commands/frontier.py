"""Finds how to decode best at a given cost: the new default.

Solver, steps, depth, guidance and corrections against effect, identity and cost: writes frontier.md, frontier.json,
frontier.png and defaults.json into the workdir.

cdae frontier --workdir=runs/pendulum
"""

import pathlib

from absl import flags

from cdae_jax.commands import define
from cdae_jax.errors import InputError
from cdae_jax.studies.frontier import frontier, points

WORKDIR = define.path("workdir", None, "Folder of a trained model.")
SOLVERS = flags.DEFINE_list("solvers", ["ddim", "dpm_solver"], "Solvers, see cdae_jax.diffusion.solvers.")
NUM_STEPS = flags.DEFINE_list("num_steps", ["5", "7", "10", "20"], "Steps in each direction.")
DEPTHS = flags.DEFINE_list("depths", ["0", "0.7"], "Fractions of the diffusion time; 0: the default.")
GUIDANCES = flags.DEFINE_list("guidances", ["1"], "Guidance strengths w.")
CORRECTIONS = flags.DEFINE_list("corrections", ["0", "2"], "Numbers of self-corrections.")
NUM_IMAGES = flags.DEFINE_integer("num_images", 128, "Images for each point.", lower_bound=2)
MAX_EVALUATIONS = flags.DEFINE_integer("max_evaluations", 28, "That the default may cost an image.", lower_bound=2)
MIN_PSNR = flags.DEFINE_float("min_psnr", 35.0, "Of the null intervention under the default, in dB.")
flags.mark_flag_as_required("workdir")


def _numbers(flag: str, items: list[str], kind: type) -> list:
    try:
        return [kind(item) for item in items]
    except ValueError:
        raise InputError(f"--{flag} is {','.join(items)}: expected numbers separated by commas") from None


def main() -> None:
    tried = points(
        SOLVERS.value,
        _numbers("num_steps", NUM_STEPS.value, int),
        _numbers("depths", DEPTHS.value, float),
        _numbers("guidances", GUIDANCES.value, float),
        _numbers("corrections", CORRECTIONS.value, int),
    )
    frontier(WORKDIR.value, tried, NUM_IMAGES.value, MAX_EVALUATIONS.value, MIN_PSNR.value)
    print((pathlib.Path(WORKDIR.value) / "frontier.md").read_text())
    if not (pathlib.Path(WORKDIR.value) / "defaults.json").is_file():
        print("No point costs and keeps what was asked for: the config's options stay the default.")
