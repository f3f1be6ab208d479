"""One of the fake devices alone: a long training on eight of them is mostly their waiting for each other."""

import contextlib
from unittest import mock

import jax


@contextlib.contextmanager
def one_device():
    """What is trained and loaded inside sees one device."""
    first = jax.devices()[:1]
    with (
        mock.patch.object(jax, "devices", lambda *_: first),
        mock.patch.object(jax, "local_devices", lambda **_: first),
    ):
        yield
