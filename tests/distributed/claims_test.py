"""Work shared by processes: every piece made once, by one of them; what a lost one held is made by another."""

import concurrent.futures
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from cdae_jax.distributed import claims

# A process that makes twelve files of numbers; the first that makes the fourth of them holds on to it, once. It takes
# the module by its path, as the package would import JAX.
WORK = """
import importlib.util, os, pathlib, sys, time
import numpy as np
spec = importlib.util.spec_from_file_location("claims", sys.argv[1])
claims = importlib.util.module_from_spec(spec)
spec.loader.exec_module(claims)
claims.LOST_SECONDS, claims.POLL_SECONDS = 1.0, 0.05
folder = pathlib.Path(sys.argv[2])

def make(piece, part):
    with part.open("wb") as file:
        np.save(file, np.random.default_rng(int(piece.stem)).normal(size=100))
    held = folder.with_name("held")
    if piece.stem == "3" and not held.exists():
        held.write_text(str(os.getpid()))
        time.sleep(60)
    with folder.with_name("log").open("a") as log:
        log.write(f"{piece.name}\\n")

claims.share([folder / f"{i}.npy" for i in range(12)], make)
"""


def wait_until(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it never happened")


def test_three_processes_of_which_one_is_killed_make_what_one_makes(tmp_path):
    folder, held = tmp_path / "work", tmp_path / "held"
    folder.mkdir()
    command = [sys.executable, "-c", WORK, claims.__file__, str(folder)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    wait_until(lambda: len(list(folder.glob("*.npy"))) == 11)
    time.sleep(1.3)
    assert len(list(folder.glob("*.npy"))) == 11  # the claim on the last is older than that, but touched
    os.kill(int(held.read_text()), signal.SIGKILL)
    assert sorted(process.wait() for process in processes) == [-signal.SIGKILL, 0, 0]
    assert sorted((tmp_path / "log").read_text().split()) == sorted(path.name for path in folder.iterdir())
    for i in range(12):
        np.testing.assert_array_equal(np.load(folder / f"{i}.npy"), np.random.default_rng(i).normal(size=100))


def test_of_many_that_find_a_lost_claim_one_takes_over(tmp_path):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for i in range(10):
            piece = tmp_path / str(i)
            lost = claims.take(piece)
            assert lost and claims.take(piece) is None
            lost.release(done=False)
            (won,) = filter(None, pool.map(claims.take, [piece] * 8))
            assert claims.take(piece) is None
            won.release(done=True)
    assert not list(tmp_path.iterdir())


def test_a_claim_is_lost_when_it_was_not_touched_for_long_enough(tmp_path):
    claim = tmp_path / "piece.claim-0"
    claim.touch()
    for age, lost in ((0.9, False), (1.1, True)):
        then = time.time() - age * claims.LOST_SECONDS
        os.utime(claim, (then, then))
        assert claims._is_lost(claim) == lost


def test_one_that_was_held_up_leaves_what_another_has_made_meanwhile(tmp_path):
    piece = tmp_path / "piece"

    def held_up(_, part):
        os.utime(tmp_path / "piece.claim-0", (0, 0))
        claims.share([piece], lambda _, part: part.write_text("theirs"))
        part.write_text("ours")
        part.unlink()

    claims.share([piece], held_up)
    assert piece.read_text() == "theirs" and list(tmp_path.iterdir()) == [piece]


def test_work_that_fails_can_be_taken_at_once(tmp_path):
    piece = tmp_path / "piece"

    def fail(_, part):
        part.write_text("hal")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        claims.share([piece], fail)
    assert not piece.exists()
    assert claims.write_once(piece, "whole") == claims.write_once(piece, "late") == "whole"
    assert list(tmp_path.iterdir()) == [piece]


def test_a_folder_that_does_not_begin_with_its_file_is_foreign(tmp_path):
    first = tmp_path / "work" / "request.json"
    assert not claims.is_foreign(first)
    first.parent.mkdir()
    (first.parent / "request.json.claim-0").touch()
    assert not claims.is_foreign(first)
    (first.parent / "thesis.txt").touch()
    assert claims.is_foreign(first) and claims.is_foreign(first.parent / "thesis.txt" / "request.json")
    first.touch()
    assert not claims.is_foreign(first)


def test_names_that_are_no_utf_8_are_kept(tmp_path):
    name = os.fsdecode(b"photo-\xff.png")
    assert claims.write_once(tmp_path / "files.csv", name) == name == claims.write_once(tmp_path / "files.csv", "other")
