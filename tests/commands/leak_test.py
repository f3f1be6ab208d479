"""`cdae leak`: what is no workdir."""

import pytest
from commands import run_here

from cdae_jax.errors import InputError


def test_the_command_refuses_what_is_no_workdir(tmp_path):
    with pytest.raises(InputError, match="is no workdir of a trained model"):
        run_here("leak", f"--workdir={tmp_path}")
