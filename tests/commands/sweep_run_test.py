"""The processes of a sweep: who waits for whom, what is left over, and how they end."""

import json
import pathlib
import sys
import time

import pytest
from short_runs import settings_with

from cdae_jax.commands import sweep_run
from cdae_jax.commands.sweep_plan import Run
from cdae_jax.distributed import claims


def fake_runs(folder, monkeypatch, scripts, trained_in=()):
    """Runs whose commands are Python scripts; a run of `trained_in` needs the folder of the one it names."""
    folder.mkdir()
    settings = settings_with("cpu")
    monkeypatch.setattr(Run, "commands", lambda self: [[sys.executable, "-c", scripts[self.name]]])
    needs = dict(trained_in)
    return [
        Run({}, settings, folder / name, ("interventions",), folder / needs[name] if name in needs else None)
        for name in scripts
    ]


FINISH = (
    "import json, pathlib; p = pathlib.Path({folder!r}); p.mkdir(); {then}(p / 'metrics.json').write_text({done!r})"
)


DONE = json.dumps({"mean_effectiveness": {}})


def test_runs_wait_for_the_model_that_they_share_and_finished_ones_are_skipped(tmp_path, monkeypatch):
    folder = tmp_path / "sweep"
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")  # as it was, afterwards
    monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE")
    slow = FINISH.format(folder=str(folder / "a"), done=DONE, then="import time; time.sleep(1); ")
    needy = f"assert (__import__('pathlib').Path({str(folder / 'a')!r}) / 'metrics.json').is_file(); "
    needy += "assert __import__('os').environ['XLA_PYTHON_CLIENT_PREALLOCATE'] == 'false'; "
    needy += FINISH.format(folder=str(folder / "b"), done=DONE, then="")
    broken = "raise SystemExit('error: no such thing')"
    runs = fake_runs(folder, monkeypatch, {"a": slow, "b": needy, "c": broken}, trained_in={"b": "a"}.items())
    assert sweep_run.run_all(runs, max_parallel=3) == ["c"]
    assert (folder / "c.failed").read_text() == "error: no such thing\n"
    assert [run.finished for run in runs] == [True, True, False]

    started = []
    monkeypatch.setattr(sweep_run, "start", lambda run: started.append(run.name) or pytest.fail("ran"))
    assert sweep_run.run_all(runs[:2], max_parallel=1) == [] and not started


def test_runs_of_other_processes_are_left_to_them_and_those_of_lost_ones_done(tmp_path, monkeypatch):
    folder = tmp_path / "sweep"
    scripts = {name: FINISH.format(folder=str(folder / name), done=DONE, then="") for name in ("a", "b", "c", "d")}
    runs = fake_runs(folder, monkeypatch, scripts)
    (folder / "c.failed").write_text("error: of an earlier sweep")
    theirs = {run.name: claims.take(run.folder) for run in runs[:2]}
    monkeypatch.setattr(claims, "POLL_SECONDS", 0.1)
    wait = sweep_run.wait_for_any

    def go_on(processes):
        """Of what is left to the other process, it fails to do the first run and is lost with the second."""
        if not processes and theirs:
            assert [run.finished for run in runs] == [False, False, True, True]
            (folder / "a.failed").write_text("error: there")
            theirs.pop("a").release(done=True)
            theirs.pop("b").release(done=False)
        wait(processes)

    monkeypatch.setattr(sweep_run, "wait_for_any", go_on)
    assert sweep_run.run_all(runs, max_parallel=1) == ["a"]
    assert [run.finished for run in runs] == [False, True, True, True] and not list(folder.glob("*.claim-*"))
    assert not (folder / "c.failed").exists()


def test_a_run_left_over_by_a_killed_sweep_is_waited_for(tmp_path, monkeypatch):
    """Its process lives on when the sweep, and even the script that started it, are killed with no time to clean up."""
    times = tmp_path / "times"
    child = (
        f"import time; f = open({str(times)!r}, 'a', 1); print('start', file=f); time.sleep(2); print('end', file=f)"
    )
    (run,) = fake_runs(tmp_path / "sweep", monkeypatch, {"a": child})
    first = sweep_run.start(run)
    while not (times.is_file() and times.read_text()):
        time.sleep(0.05)
    first.kill()
    first.wait()
    assert sweep_run.start(run).wait() == 0
    assert times.read_text().split() == ["start", "end", "start", "end"]


def test_an_interrupted_sweep_ends_its_runs(tmp_path, monkeypatch):
    folder = tmp_path / "sweep"
    pid_file = tmp_path / "pid"
    child = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    runs = fake_runs(folder, monkeypatch, {"a": child})

    def interrupted(processes):
        while not (pid_file.is_file() and pid_file.read_text()):
            time.sleep(0.05)
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep_run, "wait_for_any", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep_run.run_all(runs, max_parallel=1)
    pid = int(pid_file.read_text())
    for _ in range(100):
        stat = pathlib.Path(f"/proc/{pid}/stat")
        if not stat.is_file() or stat.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} still runs")
