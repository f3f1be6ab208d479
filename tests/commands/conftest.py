"""What tests of commands share."""

import contextlib
import io
import shutil

import pytest
from commands import run_here
from devices import one_device
from workers import one_worker


@pytest.fixture(scope="session")
def evaluated(trained_pendulum):
    """A workdir whose model was evaluated, once for all workers: to read, or to copy; and what that printed."""
    with one_worker("evaluated") as folder:
        if not (folder / "told").is_file():  # written at the end
            shutil.copytree(trained_pendulum, folder / "ours_0", dirs_exist_ok=True)
            with one_device(), contextlib.redirect_stdout(io.StringIO()) as told:
                run_here("evaluate", f"--workdir={folder / 'ours_0'}")
            (folder / "told").write_text(told.getvalue())
    return folder / "ours_0", (folder / "told").read_text()
