"""What every command does with flags and mistakes."""

import gc
import json
import logging as std_logging
import os
import pathlib
import sys
import warnings
from collections.abc import Callable

import jax
from absl import app, flags, logging
from ml_collections import config_flags

from cdae_jax.errors import InputError
from cdae_jax.training.loop import NonFiniteLoss, Stopped


def _stop(message: str, code: int) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def sentence(err: Exception) -> str:
    """The message of a flag error; of a config file that raised, the last line of the traceback it quotes."""
    text = str(err.args[0] if err.args else err).replace("\\n", "\n").replace("\\'", "'")
    if text[:1] == text[-1:] and text[:1] in "'\"":  # a message that was itself shown with repr
        text = text[1:-1]
    if "Traceback" in text:
        text = text.splitlines()[-1]
    return " ".join(text.split())


def _parse(argv: list[str]) -> list[str]:
    try:
        rest = flags.FLAGS(argv)
        if "config" in flags.FLAGS:
            flags.FLAGS.config.to_dict()  # a config file that cannot be read is noticed on first use
        return rest
    except (AttributeError, KeyError) as err:
        _stop(f"the config has no such field: {sentence(err)}", 2)
    except (flags.Error, TypeError, ValueError, OSError) as err:
        _stop(sentence(err), 2)


def config_argv() -> list[str]:
    """The --config flags of this command, for commands that it starts."""
    flag = flags.FLAGS["config"]
    overrides = config_flags.get_override_values(flag)
    return [f"--config={config_flags.get_config_filename(flag)}"] + [f"--config.{k}={v}" for k, v in overrides.items()]


def write_json(path: str, content) -> None:
    pathlib.Path(path).write_text(json.dumps(content, indent=2) + "\n")


def _say_nothing_of_closed_loops(unraisable) -> None:
    """After a save that failed, each array that was still being written complains from a thread of its own."""
    if str(unraisable.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(unraisable)


def run(main: Callable[[], None]) -> None:
    """Runs a command: a user's mistake ends it with one sentence and exit code 2, a diverged run with 3; one that was
    asked to stop ends with 0."""

    def guarded(argv: list[str]) -> None:
        if len(argv) > 1:
            _stop(f"{argv[1]!r} is no flag: flags start with --", 2)
        if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):  # what was compiled once is found by the next command
            cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
            jax.config.update("jax_compilation_cache_dir", str(cache / "cdae_jax"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)  # small programs add up too
        logging.set_verbosity(logging.FATAL)  # Orbax reports every file it opens, and errors that it raises as well,
        std_logging.getLogger("asyncio").setLevel(std_logging.CRITICAL)  # one for every array that it could not write
        sys.unraisablehook = _say_nothing_of_closed_loops
        gc.freeze()  # imports stay; and tracing makes so many objects that looking for garbage took a tenth of a start
        gc.set_threshold(100_000, 50, 50)
        warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
        try:
            main()
        except InputError as err:
            _stop(str(err), 2)
        except NonFiniteLoss as err:
            _stop(str(err), 3)
        except Stopped as stopped:
            print(stopped)

    app.run(guarded, flags_parser=_parse)
