"""What tests of commands share."""

import contextlib
import io
import shutil

import pytest
from commands import run_here
from devices import one_device


@pytest.fixture(scope="session")
def evaluated(trained_pendulum, tmp_path_factory):
    """A workdir whose model was evaluated, and what that printed."""
    workdir = shutil.copytree(trained_pendulum, tmp_path_factory.mktemp("all") / "ours_0")
    with one_device(), contextlib.redirect_stdout(io.StringIO()) as told:
        run_here("evaluate", f"--workdir={workdir}")
    return workdir, told.getvalue()
