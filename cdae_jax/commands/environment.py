"""The machine that a command finds, and what to say of what is not there."""

import errno
import logging

import jax

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # which warns, when imported, of a home that it cannot write
NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS)
FULL = (errno.ENOSPC, errno.EDQUOT)


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
