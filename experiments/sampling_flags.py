"""The flags of commands that decode: options of `TrainedModel.counterfactual`."""

from absl import flags

from cdae_jax.counterfactual.algorithm import ABDUCTIONS
from cdae_jax.diffusion.grids import CHOICES
from cdae_jax.diffusion.solvers import SOLVERS

NUM_STEPS = flags.DEFINE_integer("num_steps", None, "Network evaluations in each direction.")
GUIDANCE = flags.DEFINE_float("guidance", None, "Strength of the condition.")
ABDUCTION = flags.DEFINE_string("abduction", None, f"How x_T is found, {' or '.join(ABDUCTIONS)}.")
DEPTH = flags.DEFINE_float("depth", None, "Fraction of the diffusion time to go to.")
SOLVER = flags.DEFINE_string("solver", None, f"One of {', '.join(SOLVERS)}.")
SPACING = flags.DEFINE_string("spacing", None, f"Of the steps over the diffusion time, one of {', '.join(CHOICES)}.")
CORRECTIONS = flags.DEFINE_integer("corrections", None, "How often what the encoder misses is asked for again.")
FIT_STEPS = flags.DEFINE_integer("fit_steps", None, "Steps by which labels are fitted to the image, through the draft.")
ALL = (NUM_STEPS, GUIDANCE, ABDUCTION, DEPTH, SOLVER, SPACING, CORRECTIONS, FIT_STEPS)


def options() -> dict:
    """None for the model's default."""
    return {flag.name: flag.value for flag in ALL}
