"""The flags of commands that intervene: what to set, and how strongly."""

import csv

from absl import flags

from cdae_jax.errors import InputError
from cdae_jax.graph import as_number

DO = flags.DEFINE_multi_string(
    "do", None, "Interventions in physical units: name=value, name=+shift or name=*factor, ...; repeat it for more."
)
STRENGTH = flags.DEFINE_multi_string(
    "strength", ["1"], "How much of the change is made: one number, or name=number, ...; repeat it for more."
)


def split(flag: str, given: list[str]) -> list[str]:
    """["a=1, b=2", "c=3"] -> ["a=1", "b=2", "c=3"]; what holds a comma stands in double quotes: '"a, b=1"'.

    Raises InputError for quotes that do not close.
    """
    try:
        return [item for text in given for item in next(csv.reader([text], skipinitialspace=True, strict=True))]
    except csv.Error as err:
        raise InputError(
            f"--{flag} is {', '.join(given)!r} ({err}): put double quotes around the whole of name=value"
        ) from None


def parse(flag: str, given: list[str]) -> dict[str, float | str]:
    """["angle=20", "light=+5,animal=cat"] -> {"angle": 20.0, "light": "+5", "animal": "cat"}; words for `do` alone.

    The name goes up to the last =. Raises InputError for what is no name=value, or names one twice.
    """
    found: dict[str, float | str] = {}
    for item in split(flag, given):
        name, _, text = (part.strip() for part in item.rpartition("="))
        if name in found:
            raise InputError(f"--{flag} has {name!r} twice: name each variable once")
        is_change = flag == "do" and text[:1] in ("+", "*")
        value = as_number(text)
        if not name or not text or (value is None and flag != "do"):
            raise InputError(f"--{flag} has {item!r}: expected name=number, such as angle=20")
        found[name] = text if is_change or value is None else value
    return found


def parse_strength(given: list[str]) -> float | dict:
    """["0.5"] -> 0.5; ["angle=0.5"] -> {"angle": 0.5}. Raises InputError for anything else."""
    if len(given) != 1 or "=" in given[0]:
        return parse("strength", given)
    value = as_number(given[0].strip())
    if value is None:
        raise InputError(f"--strength is {given[0]!r}: expected a number, or name=number")
    return value


def do() -> dict[str, float | str]:
    return parse("do", DO.value)


def strength() -> float | dict:
    return parse_strength(STRENGTH.value)
