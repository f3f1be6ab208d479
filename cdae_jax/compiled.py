"""How programs are compiled: those that run once in little time, and all of them once for all processes."""

import os
import pathlib
import tempfile
from collections.abc import Callable

import jax


def keep_compiled_programs() -> None:
    """Turns on JAX's persistent cache, in the user's cache folder ("cdae_jax" in XDG_CACHE_HOME or ~/.cache).

    A cache that is configured stays: that of JAX_COMPILATION_CACHE_DIR gets small programs too, one set by jax.config
    is left alone. Nothing is kept without a folder that can be written.
    """
    if jax.config.jax_compilation_cache_dir and not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)  # small programs add up too
    if jax.config.jax_compilation_cache_dir:
        return
    try:
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "cdae_jax"
        cache.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=cache).close()
    except (OSError, RuntimeError):  # no home, or somebody else's
        return
    jax.config.update("jax_compilation_cache_dir", str(cache))


def jit_once(fun: Callable, **how) -> Callable:
    """jax.jit(fun, **how) for what runs once, and within no other jit: a CPU's code is not optimised, which takes
    longer than it saves."""
    options = {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else None
    return jax.jit(fun, compiler_options=options, **how)
