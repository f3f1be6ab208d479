"""`cdae plan`: the table and its units, with the TPU's compiler, and without it."""

import fcntl
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest
from commands import ENVIRONMENT, run_here

from cdae_jax.profiling import plan

LIBTPU = pathlib.Path(sys.prefix) / "libtpu"
LOCK = pathlib.Path(tempfile.gettempdir()) / "libtpu_lockfile"  # where libtpu has it


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
    with open(LOCK, "a") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)  # as a process does that plans at the same time
        done = python("-c", PLANS, PYTHONPATH=os.pathsep.join((str(LIBTPU), *sys.path)), **quick)
    assert done.returncode == 0, done.stderr
    refusal, _, _, row = done.stdout.splitlines()
    assert refusal.startswith("refused: the TPU compiler knows no slice 'v5e:3x5': ")  # before anything was compiled
    assert row.startswith("| v5e:2x2 (4 chips) |") and " all-reduce of " in row and "of 16.00 GiB" in row
    assert not any(name in row for name in ("all-to-all", "collective-permute"))  # nothing moves piece by piece


def test_the_table_is_in_the_units_that_it_names(monkeypatch, tmp_path, capsys):
    """A batch of 50 on two chips: half a second a step, and two for its counterfactuals."""
    train = {"flops_per_image": 3e9, "intensity": 7.0, "seconds": 0.5, "bound": "memory", "bytes": 3 * 2**29}
    train |= {"largest_batch": 1_200, "collectives": {"all-reduce": {"count": 2, "bytes": 5 * 2**20}}}
    found = {"topology": "v5e:1x2", "chips": 2, "memory_per_chip": 16 * 2**30, "parameters": 1_250_000}
    found |= {"batch_size": 50, "train": train, "counterfactual": {"seconds": 2.0, "bound": "links", "bytes": 2**30}}
    alone = found | {"topology": "v5e:1x1", "train": train | {"largest_batch": None, "collectives": {}}}
    monkeypatch.setattr(plan, "plan", lambda settings, topologies, batch_size: [found, alone])
    given = ("--config=configs/pendulum.py:smoke", "--topology=v5e:1x2,v5e:1x1", f"--output={tmp_path}/p.json")
    run_here("plan", *given)
    header, _, first, second = (line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines())
    assert dict(zip(header, first, strict=True)) == {
        "slice": "v5e:1x2 (2 chips)",
        "parameters": "1.2 M",
        "batch": "50",
        "GFLOP per image": "3.0",
        "FLOP per byte": "7",
        "step, at least": "500.0 ms (memory)",
        "images/s, at most": "100",
        "collectives per step and chip": "2 all-reduce of 5.0 MiB",
        "memory per chip": "1.50 of 16.00 GiB",
        "largest batch": "about 1,200",
        "counterfactual, at least": "40.00 ms an image (links)",
        "its memory": "1.00 GiB",
    }
    assert [second[header.index(name)] for name in ("collectives per step and chip", "largest batch")] == ["none", "?"]
    assert json.loads((tmp_path / "p.json").read_text()) == [found, alone]
