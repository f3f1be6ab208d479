"""The image files of a folder, and which of them the rows of a table mean. No image is opened here."""

import collections
import functools
import itertools
import os
import pathlib
import posixpath
import re
import unicodedata
from collections.abc import Iterable

from cdae_jax.data.table import some
from cdae_jax.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp")


def natural(name: str) -> tuple:
    """A key that sorts 2.png before 10.png."""
    parts = re.split(r"(\d+)", name)
    return tuple(int(part) if i % 2 else part for i, part in enumerate(parts)), name


def image_files(folder: pathlib.Path) -> list[str]:
    """The image files in a folder and in those below it, as paths relative to it with slashes, in natural order.

    Links to folders are followed. Hidden files and folders, and what macOS and notebooks leave, are not looked at.

    Raises:
      InputError: a folder that may not be read.
    """

    def walk(at: pathlib.Path, above: frozenset) -> Iterable[pathlib.Path]:
        real = at.resolve()
        if real in above:  # a link to a folder that it lies in
            return
        for entry in os.scandir(at):
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if entry.is_dir():
                yield from walk(at / entry.name, above | {real})
            elif entry.name.lower().endswith(SUFFIXES) and entry.is_file():
                yield at / entry.name

    try:
        return sorted((path.relative_to(folder).as_posix() for path in walk(folder, frozenset())), key=natural)
    except OSError as err:
        raise InputError(f"the folder {folder} cannot be read ({err}): give one that can") from err


def _tidy(name: str) -> str:
    return posixpath.normpath(unicodedata.normalize("NFC", name.replace("\\", "/")))


def _lower_suffix(name: str) -> str:
    stem, suffix = posixpath.splitext(_tidy(name))
    return stem + suffix.lower()


def _bare(name: str) -> str:
    stem, suffix = posixpath.splitext(_lower_suffix(name))
    return stem if suffix in SUFFIXES else stem + suffix


SAMPLED = 1000  # rows that are looked up first

# How a row may differ from its file's name, and the key to compare by; each way includes the ones before it.
WAYS = (
    ("", posixpath.normpath),
    ("with \\ for / or accents in another form", _tidy),
    ("with another case of the suffix", _lower_suffix),
    ("without the suffix", _bare),
)


def _of_one(files: list[str], key) -> dict[str, str]:
    """key(file) -> file, of the files that share it with no other."""
    counts = collections.Counter(map(key, files))
    return {key(file): file for file in files if counts[key(file)] == 1}


def match(rows: list[str], files: list[str]) -> tuple[list[str | None], list[str]]:
    """The file that each row of a table means, None where there is none or more than one; and notes on rows that are
    not written like their file's name.

    Names are compared as they are, then in the `WAYS` above. If no row has a file, folders that all rows begin with
    are dropped, as few as needed.

    Raises:
      InputError: two rows that mean the same file.
    """
    parts = [_tidy(row).split("/") for row in rows]
    columns = zip(*(path[:-1] for path in parts), strict=False)  # the first folder of every row, the second, ...
    lead = [column[0] for column in itertools.takewhile(lambda column: len(set(column)) == 1, columns)]
    by_way = functools.cache(lambda way: _of_one(files, WAYS[way][1]))

    def look_up(row: int, dropped: int) -> tuple[str | None, int]:
        name = "/".join(parts[row][dropped:]) if dropped else rows[row]
        hits = ((by_way(i).get(key(name)), i) for i, (_, key) in enumerate(WAYS))
        return next((hit for hit in hits if hit[0]), (None, 0))

    sample = range(0, len(rows), 1 + len(rows) // SAMPLED)
    dropped = next((num for num in range(len(lead) + 1) if any(look_up(row, num)[0] for row in sample)), 0)
    found = [look_up(row, dropped) for row in range(len(rows))]
    chosen = [file for file, _ in found]
    twice = [file for file, num in collections.Counter(filter(None, chosen)).items() if num > 1]
    if twice:
        both = [row for row, file in zip(rows, chosen, strict=True) if file == twice[0]]
        raise InputError(f"the rows {some(map(repr, both))} of the table mean the same image, {twice[0]}: keep one")
    ways = collections.Counter(way for _, way in found)
    notes = [f"{ways[i]} {how}" for i, (how, _) in enumerate(WAYS) if i and ways[i]]
    return chosen, [f"all with {'/'.join(lead[:dropped])}/ in front", *notes] if dropped else notes
