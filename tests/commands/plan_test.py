"""`cdae plan`: with the TPU's compiler, and without it."""

import os
import pathlib
import subprocess
import sys

import pytest
from commands import ENVIRONMENT

LIBTPU = pathlib.Path(sys.prefix) / "libtpu"


def python(*arguments, **env):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=600, env=ENVIRONMENT | env
    )


def test_without_the_compiler_one_sentence_says_what_to_install(tmp_path):
    (tmp_path / "libtpu.py").write_text("raise ImportError('no libtpu')\n")  # as on a machine without it
    command = ("-m", "experiments.plan", "--config=configs/pendulum.py:smoke", "--topology=v5e:2x4")
    done = python(*command, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        'error: a plan for a TPU needs the TPU\'s compiler, libtpu: install it with pip install "cdae_jax[tpu]"'
    )


PLANS = """
from cdae_jax.errors import InputError
from commands import run_here

given = "plan", "--config=configs/pendulum.py:smoke,method=aligned", "--batch_size=32"
try:
    run_here(*given, "--topology=v5e:2x2,v5e:3x5")
except InputError as err:
    print("refused:", err)
run_here(*given, "--topology=v5e:2x2")
"""


@pytest.mark.skipif(not LIBTPU.is_dir(), reason="make test installs the TPU's compiler there")
def test_a_real_slice_is_planned_and_one_that_does_not_exist_refused():
    quick = {"JAX_EXEC_TIME_OPTIMIZATION_EFFORT": "-1.0", "JAX_MEMORY_FITTING_EFFORT": "-1.0"}
    done = python("-c", PLANS, PYTHONPATH=os.pathsep.join((str(LIBTPU), *sys.path)), **quick)
    assert done.returncode == 0, done.stderr
    refusal, _, _, row = done.stdout.splitlines()
    assert refusal.startswith("refused: the TPU compiler knows no slice 'v5e:3x5': ")  # before anything was compiled
    assert row.startswith("| v5e:2x2 (4 chips) |") and " all-reduce of " in row and "of 16.00 GiB" in row
    assert "all-gather" not in row
