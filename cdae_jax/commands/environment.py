"""The machine that a command finds: where it may keep what it compiled, and what to say of what is not there."""

import errno
import logging
import os
import pathlib
import tempfile

import jax

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # which warns, when imported, of a home that it cannot write
NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS)
FULL = (errno.ENOSPC, errno.EDQUOT)


def keep_compiled_programs() -> None:
    """What was compiled once is found by the next command, in the user's cache folder if there is one to write."""
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)  # small programs add up too
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    try:
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "cdae_jax"
        cache.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=cache).close()
    except (OSError, RuntimeError):  # no home, or somebody else's
        return
    jax.config.update("jax_compilation_cache_dir", str(cache))


def sentence_for(err: Exception) -> str | None:
    """What to do about an error that the machine makes; None for one that it does not."""
    if isinstance(err, OSError) and err.errno in NOT_OURS:
        return f"{err.filename!r} cannot be used ({err.strerror}): choose a folder that you may read and write"
    if isinstance(err, OSError) and err.errno in FULL:
        return f"there is no room for {err.filename or 'what is written'} ({err.strerror}): free some, or go elsewhere"
    if isinstance(err, RuntimeError) and "RESOURCE_EXHAUSTED" in str(err):
        return (
            "the device has no memory left: if another program holds it, set XLA_PYTHON_CLIENT_PREALLOCATE=false for"
            " both, else take a smaller --config.train.batch_size or fewer images"
        )
    platforms = jax.config.jax_platforms
    if platforms:
        try:
            jax.devices()
        except (RuntimeError, AssertionError):
            return (
                f"JAX_PLATFORMS is {platforms!r}, of which there is no device here: set it to cpu, or unset it for"
                " whatever there is"
            )
    return None
