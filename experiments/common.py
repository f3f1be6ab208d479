"""What every command does with flags and mistakes."""

import sys
import warnings
from collections.abc import Callable

from absl import app, flags

from cdae_jax.errors import InputError
from cdae_jax.train import NonFiniteLoss


def _stop(message: str, code: int) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def _parse(argv: list[str]) -> list[str]:
    try:
        return flags.FLAGS(argv)
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError, OSError) as err:
        # config_flags raises these for a field that does not exist or a value of another type.
        _stop(" ".join(str(err).strip("'\"").split()), 2)


def run(main: Callable[[], None]) -> None:
    """Runs a command: a user's mistake ends it with one sentence and exit code 2, a diverged run with 3."""

    def guarded(argv: list[str]) -> None:
        if len(argv) > 1:
            _stop(f"{argv[1]!r} is no flag: flags start with --", 2)
        warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
        try:
            main()
        except InputError as err:
            _stop(str(err), 2)
        except NonFiniteLoss as err:
            _stop(str(err), 3)

    app.run(guarded, flags_parser=_parse)
