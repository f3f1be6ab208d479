"""What every command does with flags and mistakes."""

import gc
import json
import logging as std_logging
import pathlib
import re
import sys
import warnings
from collections.abc import Callable

from absl import app, flags, logging

from cdae_jax.commands import environment, usage
from cdae_jax.compiled import keep_compiled_programs
from cdae_jax.errors import InputError
from cdae_jax.paths import write_whole
from cdae_jax.training.loop import NonFiniteLoss, Stopped


def stop(message: str, code: int = 2) -> None:
    """Ends the command with a sentence."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def sentence(err: Exception) -> str:
    """The message of a flag error; of a config file that raised, the last line of the traceback it quotes."""
    text = str(err.args[0] if err.args else err).replace("\\n", "\n").replace("\\'", "'")
    if text[:1] == text[-1:] and text[:1] in "'\"":  # a message that was itself shown with repr
        text = text[1:-1]
    if "Traceback" in text:
        text = re.sub(r"^[\w.]+: ", "", text.splitlines()[-1])
    missing = re.search(r"Flag (--\w+) must have a value other than None", text)
    if missing:
        return f"{missing[1]} is missing: see --help"
    return " ".join(text.split())


def parse(argv: list[str]) -> list[str]:
    """Gives the flags their values, and returns what is none; ends the command where one cannot be."""
    try:
        rest = flags.FLAGS(argv)
        if "config" in flags.FLAGS and flags.FLAGS.config is not None:
            flags.FLAGS.config.to_dict()  # a config file that cannot be read is noticed on first use
    except (AttributeError, KeyError) as err:
        stop(f"the config has no such field: {sentence(err)}")
    except (flags.Error, TypeError, ValueError, OSError) as err:
        stop(sentence(err))
    for flag in map(flags.FLAGS.__getitem__, flags.FLAGS):
        if isinstance(flag.parser, flags.ListParser) and flag.present > 1:
            stop(f"--{flag.name} is given {flag.present} times: give all in one, separated by commas")
    return rest


def command(name: str, *given: str) -> list[str]:
    """The words that start another command."""
    return [sys.executable, "-m", "cdae_jax.commands.main", name, *given]


def write_json(path: str, content) -> None:
    write_whole(pathlib.Path(path), json.dumps(content, indent=2) + "\n")


def _say_nothing_of_closed_loops(unraisable) -> None:
    """After a save that failed, each array that was still being written complains from a thread of its own."""
    if str(unraisable.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(unraisable)


def run(main: Callable[[], None]) -> None:
    """Runs a command: a user's mistake, and what the machine does not have, end it with one sentence and exit code 2,
    a diverged run with 3, Ctrl-C with 130; one that was asked to stop, or to explain itself, ends with 0."""

    def guarded(argv: list[str]) -> None:
        if len(argv) > 1:
            stop(f"{argv[1]!r} is no flag: flags start with --")
        keep_compiled_programs()
        logging.set_verbosity(logging.FATAL)  # Orbax reports every file it opens, and errors that it raises as well,
        std_logging.getLogger("asyncio").setLevel(std_logging.CRITICAL)  # one for every array that it could not write
        sys.unraisablehook = _say_nothing_of_closed_loops
        gc.freeze()  # imports stay; and tracing makes so many objects that looking for garbage took a tenth of a start
        gc.set_threshold(100_000, 50, 50)
        warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
        try:
            main()
        except InputError as err:
            stop(str(err))
        except NonFiniteLoss as err:
            stop(str(err), 3)
        except Stopped as stopped:
            print(stopped)
        except KeyboardInterrupt:
            stop("interrupted", 130)
        except Exception as err:
            told = environment.sentence_for(err)
            if told is None:
                raise
            stop(told)

    if usage.is_asked(sys.argv):
        try:
            print(usage.of_command(sys.modules[main.__module__], sys.argv))
        except (flags.Error, ValueError) as err:  # a config that is none
            stop(sentence(err))
        return
    app.run(guarded, flags_parser=parse)
