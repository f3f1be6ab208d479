"""Paths as users write them."""

import os
import pathlib
import re
import secrets

from cdae_jax.errors import InputError

PART = ".part"  # ends the name of a file that is not whole yet


def expanded(path: str | os.PathLike) -> pathlib.Path:
    """A local path with `~`, `~user`, `$NAME` and `${NAME}` filled in.

    Raises:
      InputError: it is on a remote store such as gs:// or s3://; or it starts with an unknown home folder, or names an
        unknown environment variable, and no file is literally called so.
    """
    given = os.fspath(path)
    remote = re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", given)  # two letters or more: C:/ is a drive
    if remote:
        raise InputError(
            f"{given!r} is on {remote[0]}/: expected a folder or file of this machine, or one mounted on it"
        )
    found = pathlib.Path(os.path.expanduser(os.path.expandvars(given)))
    unknown = re.search(r"^~[^/\\]*|\$([A-Za-z_]\w*|\{\w+\})", str(found))
    if unknown and not pathlib.Path(given).exists():
        what = "home folder" if unknown[0][0] == "~" else "variable of the environment"
        raise InputError(f"{given!r} starts from {unknown[0]}, a {what} that is not known here: write the path out")
    return found


def write_whole(path: pathlib.Path, content: str | bytes) -> None:
    """Writes a file beside its place and renames it: no reader, nor a run after one that was killed, sees half of it,
    and of two that write it at once each writes its own. Raises OSError."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def make_folder(folder: pathlib.Path, flag: str) -> None:
    """Makes a folder and its parents, if needed. Raises an InputError that names the flag to change if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise InputError(f"the folder {folder} cannot be made ({err}): choose another {flag}") from err
