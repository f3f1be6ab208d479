"""Several real processes on this machine that train as one."""

import json
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from commands import ENVIRONMENT, command

import cdae_jax
from cdae_jax.distributed import processes

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


def end_all(running):
    """What they printed, (stdout, stderr) of each."""
    try:
        return [process.communicate(timeout=600) for process in running]
    finally:
        for process in running:
            process.kill()


SHARED = ("--config.train.fsdp=2", "--config.train.min_shard_mib=0.0")


def test_four_processes_of_which_two_share_a_state_train_like_one(trained_pendulum, tmp_path):
    running = start_all(tmp_path / "run", 4, *SHARED)
    ended = end_all(running)
    assert [process.returncode for process in running] == [0] * 4, ended
    np.testing.assert_allclose(losses(tmp_path / "run"), losses(trained_pendulum), rtol=1e-3)
    assert "trained; next" in ended[0][0] and not any("trained; next" in out for out, _ in ended[1:])
    assert cdae_jax.load(tmp_path / "run").step == 20  # written by several, read by one


def test_when_one_of_two_is_lost_the_other_says_so_and_a_restart_ends_like_one_process(trained_pendulum, tmp_path):
    workdir = tmp_path / "run"
    flags = (*SHARED, "--config.train.checkpoint_every=5")
    running = start_all(workdir, 2, *flags)
    while not (workdir / "checkpoints" / "5").is_dir():
        assert running[0].poll() is None, running[0].communicate()
        time.sleep(0.02)
    running[1].kill()
    begun = time.monotonic()
    (_, told), _ = end_all(running)
    assert running[0].returncode == processes.LOST_CODE and time.monotonic() - begun < 60
    assert "error: another process was lost" in told and "Traceback" not in told
    again = start_all(workdir, 2, *flags)
    ended = end_all(again)
    assert [process.returncode for process in again] == [0, 0], ended
    assert cdae_jax.load(workdir).step == 20
    steps = [json.loads(line)["step"] for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(5, 21, 5))
    np.testing.assert_allclose(losses(workdir), losses(trained_pendulum), rtol=1e-3)


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
