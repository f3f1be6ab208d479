"""The flags of commands that decode."""

import dataclasses

from cdae_jax.commands import sampling_flags
from cdae_jax.counterfactual.sampling import Sampling


def test_every_option_of_decoding_has_a_flag():
    assert set(sampling_flags.FLAGS) == {field.name for field in dataclasses.fields(Sampling)}
