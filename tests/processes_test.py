"""Several real processes on this machine that train as one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from commands_test import ENVIRONMENT, command

import cdae_jax

CONFIG = "--config=configs/pendulum.py:smoke"


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def start_all(workdir, num, *flags):
    """The processes of one run, with one device each."""
    address = f"127.0.0.1:{free_port()}"
    return [
        subprocess.Popen(
            [
                sys.executable,
                *("-m", "experiments.train", CONFIG, f"--workdir={workdir}", f"--config.data.data_dir={workdir}-data"),
                *(f"--coordinator={address}", f"--num_processes={num}", f"--process_id={i}", *flags),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT | {"JAX_NUM_CPU_DEVICES": "1"},
        )
        for i in range(num)
    ]


def losses(workdir):
    return [json.loads(line)["loss"] for line in (workdir / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("num", "flags"), [(2, ()), (4, ("--config.train.fsdp=2", "--config.train.min_shard_mib=0.0"))]
)
def test_processes_train_like_one(trained_pendulum, tmp_path, num, flags):
    running = start_all(tmp_path / "run", num, *flags)
    ended = [process.communicate(timeout=400) for process in running]
    assert [process.returncode for process in running] == [0] * num, ended
    np.testing.assert_allclose(losses(tmp_path / "run"), losses(trained_pendulum), rtol=1e-3)
    assert "trained; next" in ended[0][0] and not any(out for out, _ in ended[1:])
    model = cdae_jax.load(tmp_path / "run")  # written by several, read by one
    assert model.step == 20


def test_when_one_process_is_lost_the_others_end_and_the_run_can_go_on(tmp_path):
    flags = ("--config.train.steps=2000", "--config.train.checkpoint_every=10")
    running = start_all(tmp_path / "run", 2, *flags)
    checkpoint = tmp_path / "run" / "checkpoints" / "10"
    end = time.monotonic() + 300
    while not checkpoint.is_dir() and time.monotonic() < end:
        time.sleep(0.5)
    assert checkpoint.is_dir()
    os.kill(running[1].pid, signal.SIGKILL)
    out, err = running[0].communicate(timeout=120)
    assert running[0].returncode not in (0, None), out
    assert err.strip()
    running[1].communicate()
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert len(lines) >= 1
    # Alone now, from the last complete checkpoint, to a nearer end.
    model = cdae_jax.load(tmp_path / "run")
    assert model.step >= 10 and model.step % 10 == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--num_processes=2",), "need --coordinator=host:port of process 0, or auto"),
        (("--coordinator=127.0.0.1:1", "--num_processes=2"), "needs --num_processes and a --process_id from 0"),
        (("--coordinator=127.0.0.1:1", "--num_processes=2", "--process_id=2"), "they are 2 and 2"),
    ],
)
def test_half_a_description_is_refused(tmp_path, flags, message):
    done = command("train", CONFIG, f"--workdir={tmp_path}/run", *flags)
    assert done.returncode == 2 and message in done.stderr
