"""How counterfactuals are decoded: one object from flag to `jit`."""

import dataclasses
import math
import typing
from collections.abc import Mapping
from typing import Literal

import numpy as np

from cdae_jax.diffusion.grids import default_depth, steps_to
from cdae_jax.errors import InputError
from cdae_jax.model.decoders import Decoder


@dataclasses.dataclass(frozen=True)
class Sampling:
    """Options of `TrainedModel.counterfactual`; `config.sample` holds a model's own.

    Abduction by "invert" finds x_T by the solver backwards, which keeps the image's identity; "restore" does so and
    gives back what that loses where nothing changes, for one more decoding; "noise" adds fresh noise to the image
    instead, as the released code does. A depth of 0 stands for the default (`grids.default_depth`).
    """

    num_steps: int  # network evaluations in each direction
    # w of the decoding: the UNet is given no condition (0), its own (1) or more; inversion is always at 1, and a draft
    # always follows z.
    guidance: float = 1.0
    abduction: Literal["invert", "restore", "noise"] = "invert"
    depth: float = 0.0  # fraction of the diffusion time to which images are inverted or noised
    solver: Literal["ddim", "dpm_solver"] = "ddim"  # see `diffusion.solvers`
    corrections: int = 0  # self-corrections: the made image is read, and what is missing added (`prediction`)
    fit_steps: int = 0  # Gauss-Newton steps that fit the labels read through the draft (`label_fit`)

    def resolved(self, prediction: str) -> "Sampling":
        """The same options, with the default depth of a prediction ("eps" or "v") in the place of 0."""
        return dataclasses.replace(self, depth=self.depth or default_depth(prediction))

    @property
    def evaluations(self) -> int:
        """Network evaluations for one counterfactual: num_steps to invert the image (none with "noise"), and as many to
        decode, twice that with a guidance other than 0 and 1. "restore" and each correction decode once more.
        """
        back = self.num_steps * (1 if self.guidance in (0, 1) else 2)
        found = {"invert": self.num_steps + back, "restore": self.num_steps + 2 * back, "noise": back}[self.abduction]
        return found + (self.corrections * back if self.guidance == 1 else 0)

    def check(self, total_steps: int, where: str = "") -> None:
        """Raises InputError for values (of any type) that work for no model; total_steps is T of the diffusion
        process, and `where` stands before the option's name in messages ("config.sample.")."""
        for name, kind in typing.get_type_hints(Sampling).items():
            value, known = getattr(self, name), typing.get_args(kind)
            if known and value not in known:
                raise InputError(f"{where}{name} is {value!r}: expected one of {', '.join(known)}")
            if not known and not _is_number(value, kind):
                expected = "whole number" if kind is int else "number"
                raise InputError(f"{where}{name} is {value!r}: expected a {expected} of at least 0")
        if not self.depth <= 1:
            raise InputError(
                f"{where}depth is {self.depth!r}: expected a fraction of the diffusion time up to 1, 0 for the default"
            )
        available = steps_to(self.depth or 1.0, total_steps)
        if not 1 <= self.num_steps <= available:
            raise InputError(
                f"{where}num_steps is {self.num_steps}: expected a whole number from 1 to {available}, the diffusion"
                f" steps to the depth {self.depth or 1.0:g}"
            )

    def check_for(self, decoder: Decoder, condition_drop: float, is_aligned: bool, where: str = "") -> None:
        """Raises InputError for options that a model of this config.train.condition_drop cannot follow; is_aligned:
        whether its latents follow the labels (config.train.gamma above 0). `where` as for `check`."""
        if self.guidance != 1 and not condition_drop:
            raise InputError(
                f"{where}guidance is {self.guidance}, but with config.train.condition_drop 0 no null condition is"
                " trained: use guidance 1, or drop some conditions in training"
            )
        for name in ("corrections", "fit_steps"):
            if getattr(self, name) and not is_aligned:
                raise InputError(
                    f"{where}{name} is {getattr(self, name)}, but with config.train.gamma 0 the latents follow no"
                    " labels that could be corrected or fitted: use 0"
                )
        if self.fit_steps and not decoder.has_draft:
            raise InputError(
                f'{where}fit_steps is {self.fit_steps}, but config.model.decoder is "{decoder.name}", which has no'
                " draft to fit labels by: use 0"
            )


def _is_number(value, kind: type) -> bool:
    types = (int, np.integer) if kind is int else (int, float, np.number)
    return isinstance(value, types) and not isinstance(value, bool) and 0 <= value < math.inf


def sampling_of(stored: Mapping) -> Sampling:
    """The options of a stored mapping, without what older versions had beside them. Raises TypeError where an option
    without a default is missing."""
    names = {field.name for field in dataclasses.fields(Sampling)}
    return Sampling(**{name: value for name, value in stored.items() if name in names})
