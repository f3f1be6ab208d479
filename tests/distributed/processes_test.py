"""Several real processes on this machine that train as one, and what each of them says of the others."""

import json
import os
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from commands import ENVIRONMENT

import cdae_jax
from cdae_jax.distributed import processes
from cdae_jax.errors import InputError

# The command, with a state of which even the smallest leaves are shared.
TRAIN = """
from cdae_jax.distributed import sharding
sharding.state_shardings.__defaults__ = (0.0,)
from cdae_jax.commands import common, train
common.run(train.main)
"""


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def start_two(workdir, devices):
    """Both processes of one run, with so many devices each; two devices share a state."""
    address = f"127.0.0.1:{free_port()}"
    given = ("--config=configs/pendulum.py:smoke", "--config.system.fsdp=2")
    files = (f"--workdir={workdir}", f"--config.data.data_dir={workdir}-data")
    return [
        subprocess.Popen(
            [
                *(sys.executable, "-c", TRAIN, *given, *files),
                *(f"--coordinator={address}", "--num_processes=2", f"--process_id={i}"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT | {"JAX_NUM_CPU_DEVICES": str(devices)},
        )
        for i in range(2)
    ]


def end_all(running):
    """What they printed, (stdout, stderr) of each."""
    try:
        return [process.communicate(timeout=600) for process in running]
    finally:
        for process in running:
            process.kill()


def losses(workdir):
    return [json.loads(line)["loss"] for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def test_two_processes_train_like_one_though_one_is_lost_and_the_devices_change(trained_pendulum, tmp_path):
    """First each has half of the state; then there are two copies of it, and each process has one."""
    workdir = tmp_path / "run"
    running = start_two(workdir, devices=1)
    while not (workdir / "checkpoints" / "10").is_dir():
        assert running[0].poll() is None, running[0].communicate()
        time.sleep(0.02)
    running[1].kill()
    begun = time.monotonic()
    (_, told), _ = end_all(running)
    assert running[0].returncode == processes.LOST_CODE and time.monotonic() - begun < 60
    assert "error: another process was lost" in told and "Traceback" not in told

    again = start_two(workdir, devices=2)
    ended = end_all(again)
    assert [process.returncode for process in again] == [0, 0], ended
    (first, _), (second, _) = ended
    assert "trained; next" in first and "trained; next" not in second
    assert cdae_jax.load(workdir).step == 20  # written by several, read by one
    np.testing.assert_allclose(losses(workdir), losses(trained_pendulum), rtol=1e-3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((None, 2, None), "--num_processes and --process_id need --coordinator=host:port of process 0, or auto"),
        ((None, None, 0), "--num_processes and --process_id need --coordinator"),
        (("127.0.0.1:1", 2, None), "--coordinator=127.0.0.1:1 needs --num_processes and a --process_id from 0"),
        (("127.0.0.1:1", 2, 2), "they are 2 and 2"),
        (("127.0.0.1:1", None, 0), "they are None and 0"),
    ],
)
def test_half_a_description_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        processes.start(*given)


def test_processes_that_do_not_find_each_other_say_so(monkeypatch):
    def initialize(**given):
        assert given["coordinator_address"] == "127.0.0.1:1" and given["process_id"] == 1
        raise RuntimeError("DEADLINE_EXCEEDED: no answer\nmore")

    monkeypatch.setattr(jax.distributed, "initialize", initialize)
    monkeypatch.setattr(processes.faulthandler, "disable", lambda: None)
    with pytest.raises(InputError, match=r"did not find each other \(DEADLINE_EXCEEDED: no answer\): check that --coo"):
        processes.start("127.0.0.1:1", 2, 1)


def test_one_alone_is_the_first_and_waits_for_nobody():
    processes.start(None, None, None)
    assert processes.is_first() and not processes.tells_of_loss(RuntimeError("UNAVAILABLE: connection"))
    processes.wait_for_all("anything")
    assert processes.any_process(True, 3) and not processes.any_process(False, 10)


@pytest.mark.parametrize(
    ("message", "is_loss"),
    [
        ("UNAVAILABLE: connection reset by peer", True),
        ("Gloo allreduce failed: Connection closed", True),
        ("heartbeat timeout", True),
        ("RESOURCE_EXHAUSTED: out of memory", False),
    ],
)
def test_only_the_loss_of_another_ends_a_process_at_once(monkeypatch, capsys, message, is_loss):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)
    if is_loss:
        with processes.ending_if_one_is_lost():
            raise RuntimeError(f"{message}\nmore")
        assert f"error: another process was lost ({message}): start the same command" in capsys.readouterr().err
    else:
        with pytest.raises(RuntimeError, match=message), processes.ending_if_one_is_lost():
            raise RuntimeError(message)
    assert codes == [processes.LOST_CODE] * is_loss


def test_a_mistake_of_the_users_ends_it_as_anywhere(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(InputError, match="full disk"), processes.ending_if_one_is_lost():
        raise InputError("a full disk")
