"""Flags of kinds that absl does not have."""

import pathlib

from absl import flags

from cdae_jax.errors import InputError
from cdae_jax.paths import expanded

flags.disclaim_key_flags()  # they belong to the command that defines them


class _Path(flags.ArgumentParser):
    """A path as text, with `~` and variables of the environment filled in; a mistake is an InputError."""

    def parse(self, argument: str) -> str:
        return str(expanded(argument))


class _Paths(flags.ListParser):
    def parse(self, argument) -> list[str]:
        return [str(expanded(path)) for path in super().parse(argument)]


def path(name: str, default: str | None, help_string: str) -> flags.FlagHolder[str]:
    """A flag for a file or a folder."""
    return flags.DEFINE(_Path(), name, default, help_string, serializer=flags.ArgumentSerializer())


def paths(name: str, help_string: str) -> flags.FlagHolder[list[str]]:
    """A flag for several, separated by commas."""
    return flags.DEFINE(_Paths(), name, None, help_string, serializer=flags.ListSerializer(","))


def file_to_write(given: str, suffix: str) -> pathlib.Path:
    """What --output says. Raises InputError unless it is a file of that kind in a folder that exists."""
    found = pathlib.Path(given)
    if found.suffix.lower() != suffix or not found.absolute().parent.is_dir():
        raise InputError(f"--output is {given!r}: expected a {suffix} file in a folder that exists")
    return found
