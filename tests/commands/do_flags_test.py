"""The flags of commands that intervene: values, changes, classes, quotes, and every flag given more than once."""

import pytest

from cdae_jax.commands import do_flags
from cdae_jax.errors import InputError


def test_values_shifts_factors_and_classes_are_read():
    found = do_flags.parse("do", ["angle=20,light=+5,length=+-2", "position=*1.5,on=-1e-3,animal=cat"])
    assert found == {"angle": 20.0, "light": "+5", "length": "+-2", "position": "*1.5", "on": -0.001, "animal": "cat"}
    assert do_flags.parse("do", []) == do_flags.parse("do", [""]) == {}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("angle = 20", {"angle": 20.0}),
        ("angle=20, light = +5", {"angle": 20.0, "light": "+5"}),
        ('"size, total=3"', {"size, total": 3.0}),
        ('"size, total=3",on=1', {"size, total": 3.0, "on": 1.0}),
        ("a=b=3", {"a=b": 3.0}),
        ("dose.in mg=3", {"dose.in mg": 3.0}),
        ("größe=3", {"größe": 3.0}),
        ("size=3_7", {"size": "3_7"}),  # for the model to refuse
    ],
)
def test_names_may_be_of_any_form(given, found):
    assert do_flags.parse("do", [given]) == found


def test_a_strength_is_one_number_or_one_for_some():
    assert do_flags.parse_strength(["0.5"]) == 0.5
    assert do_flags.parse_strength(["angle=0.5,light=1"]) == {"angle": 0.5, "light": 1.0}
    assert do_flags.parse_strength(["angle=0.5", "light=1"]) == {"angle": 0.5, "light": 1.0}


@pytest.mark.parametrize(
    ("flag", "given", "message"),
    [
        ("do", ["angle"], "--do has 'angle': expected name=number, such as angle=20"),
        ("do", ["angle="], "--do has 'angle=': expected name=number"),
        ("do", ["=3"], "--do has '=3': expected name=number"),
        ("do", ["angle=1,angle=2"], "--do has 'angle' twice: name each variable once"),
        ("do", ["angle=1", "angle=2"], "--do has 'angle' twice: name each variable once"),
        ("do", ['"size=3'], "--do is '\"size=3' .*: put double quotes around the whole of name=value"),
        ("strength", ["angle=+1x"], "--strength has 'angle=.1x': expected name=number"),
        ("strength", ["much"], "--strength is 'much': expected a number, or name=number"),
        ("strength", ["1", "2"], "--strength has '1': expected name=number"),
    ],
)
def test_mistakes_are_named(flag, given, message):
    with pytest.raises(InputError, match=message):
        do_flags.parse_strength(given) if flag == "strength" else do_flags.parse(flag, given)
