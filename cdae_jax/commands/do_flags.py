"""The flags of commands that intervene: what to set, and how strongly."""

from absl import flags

from cdae_jax.errors import InputError

DO = flags.DEFINE_list("do", None, "Interventions in physical units: name=value, name=+shift or name=*factor, ...")
STRENGTH = flags.DEFINE_list("strength", ["1"], "How much of the change is made: one number, or name=number, ...")


def parse(flag: str, items: list[str]) -> dict[str, float | str]:
    """["angle=20", "light=+5"] -> {"angle": 20.0, "light": "+5"}.

    Raises InputError for what is no name=number, or names one twice.
    """
    found: dict[str, float | str] = {}
    for item in items:
        name, _, value = item.partition("=")
        if name in found:
            raise InputError(f"--{flag} has {name!r} twice: name each variable once")
        try:
            found[name] = value if flag == "do" and value[:1] in ("+", "*") else float(value)
        except ValueError:
            raise InputError(f"--{flag} has {item!r}: expected name=number, such as angle=20") from None
    return found


def parse_strength(items: list[str]) -> float | dict:
    """["1.5"] -> 1.5; ["angle=1.5"] -> {"angle": 1.5}. Raises InputError for anything else."""
    if len(items) != 1 or "=" in items[0]:
        return parse("strength", items)
    try:
        return float(items[0])
    except ValueError:
        raise InputError(f"--strength is {items[0]!r}: expected a number, or name=number") from None


def do() -> dict[str, float | str]:
    return parse("do", DO.value)


def strength() -> float | dict:
    return parse_strength(STRENGTH.value)
