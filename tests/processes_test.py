"""Several real processes on this machine that train as one."""

import json
import socket
import subprocess
import sys

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


def test_two_processes_that_share_the_state_train_like_one(trained_pendulum, tmp_path):
    running = start_all(tmp_path / "run", 2, "--config.train.fsdp=2", "--config.train.min_shard_mib=0.0")
    try:
        ended = [process.communicate(timeout=600) for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0, 0], ended
    np.testing.assert_allclose(losses(tmp_path / "run"), losses(trained_pendulum), rtol=1e-3)
    assert "trained; next" in ended[0][0] and "trained; next" not in ended[1][0]
    assert cdae_jax.load(tmp_path / "run").step == 20  # written by two, read by one


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
