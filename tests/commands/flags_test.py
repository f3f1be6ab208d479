"""Flags of commands that intervene and decode."""

import dataclasses

import pytest

from cdae_jax.commands import do_flags, sampling_flags
from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.errors import InputError


def test_values_shifts_and_factors_are_read():
    found = do_flags.parse("do", ["angle=20", "light=+5", "length=+-2", "position=*1.5", "on=-1e-3"])
    assert found == {"angle": 20.0, "light": "+5", "length": "+-2", "position": "*1.5", "on": -0.001}
    assert do_flags.parse("do", []) == {}


def test_a_strength_is_one_number_or_one_for_some():
    assert do_flags.parse_strength(["0.5"]) == 0.5
    assert do_flags.parse_strength(["angle=0.5", "light=1"]) == {"angle": 0.5, "light": 1.0}


@pytest.mark.parametrize(
    ("flag", "items", "message"),
    [
        ("do", ["angle=up"], "--do has 'angle=up': expected name=number, such as angle=20"),
        ("do", ["angle"], "--do has 'angle': expected name=number"),
        ("do", ["angle=1", "angle=2"], "--do has 'angle' twice: name each variable once"),
        ("strength", ["angle=+1x"], "--strength has 'angle=.1x': expected name=number"),
        ("strength", ["much"], "--strength is 'much': expected a number, or name=number"),
        ("strength", ["1", "2"], "--strength has '1': expected name=number"),
    ],
)
def test_mistakes_are_named(flag, items, message):
    with pytest.raises(InputError, match=message):
        (do_flags.parse_strength if flag == "strength" else lambda items: do_flags.parse(flag, items))(items)


def test_every_option_of_decoding_has_a_flag():
    assert set(sampling_flags.FLAGS) == {field.name for field in dataclasses.fields(Sampling)}
