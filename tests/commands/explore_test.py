"""`cdae explore`: a workdir that is none."""

import pytest
from commands import run_here

from cdae_jax.errors import InputError


def test_a_missing_workdir_ends_the_command_with_a_sentence(tmp_path):
    pytest.importorskip("gradio")
    with pytest.raises(InputError, match="there is no folder or file"):
        run_here("explore", f"--workdir={tmp_path}/none")
