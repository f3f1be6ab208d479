"""Single precision, whatever JAX_ENABLE_X64 says."""

import functools
from collections.abc import Callable

import jax


def in_float32(function: Callable) -> Callable:
    """The function, run with 64-bit types off: JAX_ENABLE_X64 makes many arrays without a stated type float64."""

    @functools.wraps(function)
    def run(*args, **options):
        with jax.enable_x64(False):
            return function(*args, **options)

    return run
