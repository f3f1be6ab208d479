"""What --help says: of `cdae`, and of each command, from its docstring and its flags."""

import ast
import importlib.util
import pathlib
import textwrap
from collections.abc import Iterator, Sequence
from types import ModuleType

from absl import flags

WIDTH, COLUMN = 80, 27
ASKS = {"--help", "-help", "-h", "-?", "--helpshort", "--helpfull"}
FIELDS = {
    "train.steps=": "How long to train.",
    "train.batch_size=": "Images of a step; auto: what fits a GPU or TPU.",
    "data.resolution=": "Height and width of the images.",
    "sample.num_steps=": "Network evaluations in each direction.",
}


def is_asked(argv: Sequence[str]) -> bool:
    """Whether a command is asked to explain itself."""
    return not ASKS.isdisjoint(argv[1:])


def overview(names: Sequence[str]) -> str:
    """What `cdae` alone says."""
    lines = ["Counterfactual images: what would this image look like if ...?"]
    lines += ["", "cdae <command> --flag=value ...", ""]
    lines += [f"  {name:<16}{_docstring(name).splitlines()[0]}" for name in names]
    lines += ["", "cdae <command> --help says what it does and which flags it has. Your own images:", ""]
    return "\n".join([*lines, *_example(_docstring("fit"))])


def of_command(module: ModuleType, argv: Sequence[str]) -> str:
    """What a command does, its flags with their defaults, and an example; with --config also all fields of it."""
    config = [given.partition("=")[2] for given in argv if given.startswith(("--config=", "-config="))]
    if config and "config" in flags.FLAGS:
        return "\n".join(_fields(flags.FLAGS["config"].parser.parse(config[-1]).to_dict(), "--config."))
    return "\n".join([_prose(module.__doc__ or ""), "", *_flags(module), "", *_example(module.__doc__ or "")])


def _docstring(name: str) -> str:
    """Of a command, without importing it: what it needs takes seconds."""
    source = pathlib.Path(importlib.util.find_spec(f"{__package__}.{name}").origin).read_text()
    return ast.get_docstring(ast.parse(source))


def _paragraphs(docstring: str) -> list[str]:
    return docstring.strip().split("\n\n")


def _prose(docstring: str) -> str:
    told = [paragraph for paragraph in _paragraphs(docstring) if not paragraph.startswith("cdae ")]
    return "\n\n".join(textwrap.fill(paragraph, WIDTH) for paragraph in told)


def _example(docstring: str) -> list[str]:
    """The paragraphs that start with "cdae ", shortest way to read them: as they stand."""
    return "\n".join(paragraph for paragraph in _paragraphs(docstring) if paragraph.startswith("cdae ")).splitlines()


def _is_needed(flag: flags.Flag) -> bool:
    return any("other than None" in validator.message for validator in flag.validators)


def _told(flag: flags.Flag) -> str:
    """The help of a flag, its choices at the end, without what absl adds to it."""
    told = " ".join(flag.help.split()).removesuffix("; repeat this option to specify a list of values")
    choices = getattr(flag.parser, "enum_values", None)
    return f"{told.split('>: ', 1)[1]} One of {', '.join(choices)}." if choices else told


def _line(left: str, told: str) -> str:
    """A flag and what it is, in two columns; one that is longer than its column stands above."""
    left = f"  {left}"
    above, first = ("", f"{left:<{COLUMN}}") if len(left) < COLUMN else (f"{left}\n", " " * COLUMN)
    return above + textwrap.fill(told, WIDTH, initial_indent=first, subsequent_indent=" " * COLUMN)


def _flags(module: ModuleType) -> Iterator[str]:
    """One entry for every flag of a command, first what is needed, last what others have too."""
    defined = flags.FLAGS.flags_by_module_dict()
    shared = [name for name in defined if name.startswith(f"{__package__}.") and name != module.__name__]
    found = [flag for name in (module.__name__, *shared) for flag in defined.get(name, ())]
    for flag in sorted(found, key=_is_needed, reverse=True):
        default = ",".join(flag.default) if isinstance(flag.default, list) else flag.default
        value = "" if flag.boolean else f"={default}" if default else "=..."
        yield _line(f"--{flag.name}{value}", ("Needed. " if _is_needed(flag) else "") + _told(flag))
        if flag.name == "config":
            yield from (_line(f"--config.{field}...", told) for field, told in FIELDS.items())
            yield _line("--config=... --help", "All fields of this config.")


def _fields(section: dict, prefix: str) -> Iterator[str]:
    for name, value in section.items():
        if isinstance(value, dict) and value and prefix == "--config." and name != "graph":
            yield from _fields(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={value}"
