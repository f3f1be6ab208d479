"""The flags of commands that decode: one for every field of `Sampling`."""

import typing

from absl import flags

from cdae_jax.counterfactual.sampling import Sampling

HELP = {
    "num_steps": "Network evaluations in each direction.",
    "guidance": "Strength of the condition.",
    "abduction": "How x_T is found.",
    "depth": "Fraction of the diffusion time to go to.",
    "solver": "Of the probability flow.",
    "corrections": "Self-corrections of the made image.",
    "fit_steps": "Steps by which labels are fitted to the image, through the draft.",
}


def _define(name: str, kind) -> flags.FlagHolder:
    if typing.get_args(kind):
        return flags.DEFINE_string(name, None, f"{HELP[name]} One of {', '.join(typing.get_args(kind))}.")
    return (flags.DEFINE_integer if kind is int else flags.DEFINE_float)(name, None, HELP[name])


FLAGS = {name: _define(name, kind) for name, kind in typing.get_type_hints(Sampling).items()}


def define_draws() -> flags.FlagHolder[int | None]:
    """--draws, of commands that say how sure they are."""
    text = "Counterfactuals drawn to say how sure each is (cdae calibrate first); each costs as much as one."
    return flags.DEFINE_integer("draws", None, text)


def options() -> dict:
    """Field of `Sampling` -> its value; None for the model's default."""
    return {name: flag.value for name, flag in FLAGS.items()}
