"""Checkpoints: what is damaged is not used, what is saved is not lost, and devices may change in between."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
from commands import ENVIRONMENT, run_here
from short_runs import assert_same_end, settings_with

import cdae_jax
from cdae_jax.distributed import sharding
from cdae_jax.errors import InputError
from cdae_jax.settings.run import Settings
from cdae_jax.training import step as training_step
from cdae_jax.training.checkpoint import Checkpoints
from cdae_jax.training.loop import train_model
from cdae_jax.training.optimizer import make_optimizer
from cdae_jax.training.step import init_state


def files_of(workdir, step):
    """Files with content of a checkpoint, the largest first."""
    files = [path for path in (workdir / "checkpoints" / str(step)).rglob("*") if path.is_file()]
    return sorted((path for path in files if path.stat().st_size), key=lambda path: -path.stat().st_size)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.fixture
def copy(trained_pendulum, tmp_path):
    """Checkpoints at steps 10 and 20."""
    return shutil.copytree(trained_pendulum, tmp_path / "copy")


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no niceness of their own")
def test_saving_gives_way_to_the_training_steps(tmp_path):
    """Of a process that is nicer still, too, which cannot take that back."""
    code = """
import os, pathlib, sys, threading
from cdae_jax.training.checkpoint import Checkpoints
os.nice(int(sys.argv[2]))
here = (os.PRIO_PROCESS, threading.get_native_id())
save = Checkpoints._save
def told(*args):
    print(os.getpriority(*here), os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    save(*args)
Checkpoints._save = told
checkpoints = Checkpoints(pathlib.Path(sys.argv[1]))
checkpoints.save(2, {"a": 1.0}, {"a": 1.0})
checkpoints.close()
"""
    now = os.nice(0)
    for more in (0, 15):
        command = [sys.executable, "-c", code, str(tmp_path / str(more)), str(more)]
        ran = subprocess.run(command, env=ENVIRONMENT, text=True, capture_output=True, check=True)
        assert ran.stdout.split() == [str(min(now + more, 19)), str(max(10, min(now + more, 19)))]


def test_a_checkpoint_gets_its_checksums_beside_the_training(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(7, {"a": np.ones(3)}, {"a": np.ones(3)})
    deadline = time.monotonic() + 60
    while not (tmp_path / "checkpoints" / "7.sha256").is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert checkpoints.damage(7) is None and (tmp_path / "checkpoints" / "7.sha256").is_file()
    flip(files_of(tmp_path, 7)[0])
    assert "does not fit" in checkpoints.damage(7)
    checkpoints.close()


def test_checkpoints_are_not_compressed_and_older_ones_that_are_can_be_read(tmp_path):
    tree = {"zeros": jnp.zeros((512, 512)), "step": jnp.int32(7)}
    now = Checkpoints(tmp_path / "now")
    now.save(7, tree, tree)
    now.close()
    assert files_of(tmp_path / "now", 7)[0].stat().st_size >= 4 * 512 * 512
    older = ocp.CheckpointManager((tmp_path / "older" / "checkpoints").absolute())
    args = ocp.args.Composite(train=ocp.args.StandardSave(tree), ema=ocp.args.StandardSave(tree))
    older.save(7, args=args)
    older.close()
    assert files_of(tmp_path / "older", 7)[0].stat().st_size < 512 * 512
    here = sharding.replicated(sharding.make_mesh())
    for folder in ("now", "older"):
        checkpoints = Checkpoints(tmp_path / folder, create=False)
        step, (found,) = checkpoints.restore_newest(train=sharding.abstract_like(tree, here))
        checkpoints.close()
        assert step == 7 and found["step"] == 7 and not found["zeros"].any()


@pytest.mark.parametrize("harm", [flip, truncate, os.remove])
def test_the_checkpoint_before_a_damaged_one_is_used_and_the_damage_named(copy, harm):
    harmed = files_of(copy, 20)[0]
    harm(harmed)
    with pytest.warns(
        UserWarning, match=rf"checkpoints/20 is damaged \(.*{harmed.name}.*using step 10, the one before"
    ):
        assert cdae_jax.load(copy).step == 10


def test_training_goes_on_from_the_one_before_to_the_same_end(trained_pendulum, copy):
    flip(files_of(copy, 20)[0])
    with pytest.warns(UserWarning, match="using step 10"):
        train_model(Settings.from_dict(json.loads((copy / "config.json").read_text())), copy)
    assert_same_end(copy, trained_pendulum, settings_with())


def test_when_every_checkpoint_is_damaged_it_says_so(copy):
    for step in (10, 20):
        flip(files_of(copy, step)[0])
    with (
        pytest.warns(UserWarning, match="is damaged"),
        pytest.raises(InputError, match="every checkpoint in .* is damaged"),
    ):
        cdae_jax.load(copy)


def test_the_state_of_another_optimiser_is_not_called_damaged(copy, monkeypatch):
    """Whoever believed that would delete what is whole."""
    monkeypatch.setattr(training_step, "make_optimizer", lambda train, mesh: optax.adamw(1e-3))
    config = json.loads((copy / "config.json").read_text())
    config["train"]["steps"] = 30
    files = {path: path.read_bytes() for path in copy.glob("*.json*")}
    with pytest.raises(InputError, match=rf"20 was saved with another optimiser, .*--init_from={copy}$"):
        train_model(Settings.from_dict(config), copy)
    assert files == {path: path.read_bytes() for path in copy.glob("*.json*")} and len(files) > 3  # for that version
    checkpoints, other = Checkpoints(copy, create=False), {"ema": {"none": jax.ShapeDtypeStruct((1,), jnp.float32)}}
    with pytest.raises(InputError, match="20 is whole by its checksums but cannot be restored"):
        checkpoints.restore_newest(**other)  # of what is no optimiser's
    checkpoints.close()


def test_a_lack_of_memory_is_not_called_damage(copy, monkeypatch):
    """Training would go on from the one before, and delete what is whole."""

    def lacks_memory(*_, **__):
        raise MemoryError("out of memory")

    monkeypatch.setattr(Checkpoints, "restore", lacks_memory)
    with pytest.raises(InputError, match=r"20 is whole .* \(out of memory\): see that .* memory suffices"):
        cdae_jax.load(copy)


def test_a_checkpoint_that_never_got_its_checksums_is_used(copy):
    (copy / "checkpoints" / "20.sha256").unlink()
    assert cdae_jax.load(copy).step == 20


def test_the_one_before_is_used_if_the_newest_has_no_checksums_and_cannot_be_read(copy):
    (copy / "checkpoints" / "20.sha256").unlink()
    for path in (copy / "checkpoints" / "20").rglob("*"):
        if path.is_file() and path.stat().st_size > 1000:
            path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(UserWarning, match=r"checkpoints/20 is damaged \(.+\): using step 10, the one before"):
        assert cdae_jax.load(copy).step == 10


def test_a_save_that_failed_is_told_once(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError("no space")

    checkpoints = Checkpoints(tmp_path)
    monkeypatch.setattr(ocp.CheckpointManager, "save", full)
    checkpoints.save(1, {"a": np.ones(3)}, {"a": np.ones(3)})
    monkeypatch.setattr(ocp.CheckpointManager, "wait_until_finished", full)
    with pytest.raises(InputError, match="no checkpoint can be written to .* nothing was saved yet"):
        checkpoints.wait()
    checkpoints.close()


def test_a_full_disk_stops_with_the_cause_and_loses_nothing(copy):
    """A limit on the size of files makes writing fail as a full disk does."""
    shutil.rmtree(copy / "checkpoints" / "20")
    data_dir = json.loads((copy / "config.json").read_text())["data"]["data_dir"]
    train_again = (
        f"ulimit -f 20; exec {sys.executable} -m experiments.train --config=configs/pendulum.py:smoke"
        f" --workdir={copy} --config.data.data_dir={data_dir}"
    )
    done = subprocess.run(["bash", "-c", train_again], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 2, done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(told) == 1 and "Traceback" not in done.stderr
    assert re.search(r"no checkpoint can be written to .*/checkpoints \(File too large\): .* from step 10$", told[0])
    assert cdae_jax.load(copy).step == 10


@pytest.mark.parametrize(("num", "fsdp"), [(1, 1), (2, 1), (2, 2), (4, 1), (4, 4), (4, 2)])
def test_a_checkpoint_of_eight_devices_is_restored_on_fewer(eight, num, fsdp):
    folder, state = eight
    mesh = sharding.make_mesh(fsdp, jax.devices()[:num])
    shardings = sharding.state_shardings(state, mesh, 0.0)
    checkpoints = Checkpoints(folder)
    step, (restored,) = checkpoints.restore_newest(train=sharding.abstract_like(state, shardings))
    checkpoints.close()
    assert step == 3
    for here, there, where in zip(*map(jax.tree.leaves, (restored, state, shardings)), strict=True):
        np.testing.assert_array_equal(here, there)
        assert here.sharding == where
    kinds = {leaf.sharding.is_fully_replicated for leaf in jax.tree.leaves(restored)}
    assert kinds == ({True} if fsdp == 1 else {True, False})


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    """A folder with the checkpoint of a state that eight devices share, and the state."""
    settings = settings_with()
    model, tx = settings.make_model(0), make_optimizer(settings.train)

    def init():
        return init_state(model, tx, (16, 16, 3), 0)

    shardings = sharding.state_shardings(jax.eval_shape(init), sharding.make_mesh(8), 0.0)
    state = jax.jit(init, out_shardings=shardings)()
    folder = tmp_path_factory.mktemp("eight")
    checkpoints = Checkpoints(folder)
    checkpoints.save(3, state, state.ema)
    checkpoints.wait()
    checkpoints.close()
    return folder, state


def test_a_save_returns_while_orbax_is_held_up_and_keeps_what_was_donated_afterwards(tmp_path, monkeypatch):
    checkpoints, let_go = Checkpoints(tmp_path), threading.Event()
    save = checkpoints._manager.save
    monkeypatch.setattr(checkpoints._manager, "save", lambda *args, **kw: let_go.wait(60) and save(*args, **kw))
    state = {"w": jnp.arange(6.0)}
    checkpoints.save(1, state, state)
    jax.block_until_ready(jax.jit(lambda tree: jax.tree.map(lambda x: x * 0 - 1, tree), donate_argnums=0)(state))
    was_donated = state["w"].is_deleted() or jax.__version_info__ >= (0, 11)  # which keeps what NumPy has seen
    assert was_donated and not let_go.is_set()
    let_go.set()
    assert checkpoints.latest == 1
    checkpoints.wait()
    found, _ = checkpoints.restore(1, train={"w": np.zeros(6, np.float32)}, ema={"w": np.zeros(6, np.float32)})
    np.testing.assert_array_equal(found["w"], np.arange(6.0))
    checkpoints.close()


def test_checksums_stand_beside_the_kept_checkpoints_alone(trained_pendulum):
    folder = trained_pendulum / "checkpoints"
    assert sorted(path.name for path in folder.glob("*.sha256")) == ["10.sha256", "20.sha256"]
    assert len(json.loads((folder / "20.sha256").read_text())) == len(
        [path for path in (folder / "20").rglob("*") if path.is_file()]
    )


def test_a_damaged_workdir_ends_a_command_with_a_sentence(copy):
    for step in (10, 20):
        truncate(files_of(copy, step)[0])
    with (
        pytest.warns(UserWarning, match="is damaged"),
        pytest.raises(InputError, match="is damaged: delete that folder and train again"),
    ):
        run_here("evaluate", f"--workdir={copy}")
