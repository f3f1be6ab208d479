"""What commands find on a machine and must not trip over, and the sentence where they cannot go on."""

import errno
import os

import jax
import numpy as np
import pytest
from commands import command

from cdae_jax.commands import environment


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "runs"), "'runs' cannot be used (Permission denied)"),
        (OSError(errno.EROFS, "Read-only file system", "runs"), "'runs' cannot be used (Read-only file system)"),
        (OSError(errno.ENOSPC, "No space left on device"), "there is no room for what is written (No space left"),
        (
            jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 10 bytes."),
            "XLA_PYTHON_CLIENT_PREALLOCATE=false",
        ),
    ],
)
def test_what_the_machine_refuses_is_told_in_one_sentence(error, told):
    assert told in environment.sentence_for(error) and "\n" not in environment.sentence_for(error)


def test_what_the_program_does_wrong_is_no_sentence():
    for error in (KeyError("x"), FileNotFoundError(errno.ENOENT, "No such file", "x"), AssertionError()):
        assert environment.sentence_for(error) is None


@pytest.mark.parametrize("error", [AssertionError(), RuntimeError("Unable to initialize backend 'rocm'")])
def test_a_device_that_is_not_there_is_named(monkeypatch, error):
    def devices():
        raise error

    monkeypatch.setattr(jax, "devices", devices)
    told = environment.sentence_for(error)
    assert told == (
        f"JAX_PLATFORMS is {os.environ['JAX_PLATFORMS']!r}, of which there is no device here: set it to cpu, or unset"
        " it for whatever there is"
    )


def test_what_one_command_compiled_the_next_one_finds_without_a_word(trained_pendulum, tmp_path):
    np.savez(tmp_path / "images.npz", images=np.zeros((2, 16, 16, 3), np.uint8))
    given = (f"--workdir={trained_pendulum}", f"--input={tmp_path}/images.npz", "--do=angle=20", "--num_steps=1")
    sizes = []
    for i in range(2):
        out = f"--output={tmp_path}/{i}"
        cache = {"JAX_COMPILATION_CACHE_DIR": "", "XDG_CACHE_HOME": str(tmp_path / "cache")}
        every = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}  # however fast the machine is today
        found = command("generate", *given, out, **cache, **every)
        assert found.returncode == 0, found.stderr
        assert not any(word in found.stderr for word in ("cpu_aot", "not supported on the host", "error"))
        sizes.append(len(list((tmp_path / "cache" / "cdae_jax").glob("*-cache"))))
    assert sizes[0] == sizes[1] > 0
