"""`cdae compare`: runs of one name as one model, and folders that cannot be compared."""

import json
import shutil

import pytest
from commands import run_here

from cdae_jax.errors import InputError
from cdae_jax.studies import compare


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--workdirs={0},{1}",), "metrics.json cannot be read"),
        (("--workdirs={0}", "--names=a,b"), "--names gives a, b: expected 1 names, one per workdir"),
        (("--workdirs={0}", "--output={1}/none/x"), "expected the start of a file name in a folder that exists"),
    ],
)
def test_mistakes_in_comparisons_are_named(evaluated, tmp_path, given, message):
    with pytest.raises(InputError, match=message):
        run_here("compare", *(flag.format(evaluated[0], tmp_path) for flag in given))


@pytest.fixture
def other(evaluated, tmp_path):
    """Another run, as if of another seed: a function of changes to its protocol, and its error under do(angle)."""

    def make(error, **protocol):
        folder = shutil.copytree(evaluated[0], tmp_path / "other")
        metrics = json.loads((folder / "metrics.json").read_text())
        metrics["protocol"] |= protocol
        metrics["effectiveness"]["do(angle)"]["light"]["normalised"] = error
        (folder / "metrics.json").write_text(json.dumps(metrics))
        return folder

    return make


def test_runs_of_one_name_are_compared_as_one(evaluated, other, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(compare, "draw_grid", lambda *_: None)  # which decodes
    first = json.loads((evaluated[0] / "metrics.json").read_text())["effectiveness"]["do(angle)"]["light"]["normalised"]
    folder = other(first + 1, train_seed=1)
    given = (f"--workdirs={evaluated[0]},{folder}", f"--output={tmp_path}/c")
    run_here("compare", *given, "--names=ours,ours")
    told = json.loads((tmp_path / "c.json").read_text())
    assert told["models"]["ours"]["do(angle): light"]["mean"] == pytest.approx(first + 0.5)
    assert [protocol["train_seed"] for protocol in told["protocol"]["ours"]] == [0, 1]
    assert (tmp_path / "c.md").read_text() in capsys.readouterr().out
    run_here("compare", *given)  # by the folders' names
    apart = json.loads((tmp_path / "c.json").read_text())["models"]
    assert [apart[name]["do(angle): light"]["mean"] for name in ("ours_0", "other")] == [first, first + 1]


@pytest.mark.parametrize(
    "changed", [{"num_images": 99}, {"judge": "other"}, {"test_images": "other"}, {"split": "validation"}]
)
def test_what_was_measured_otherwise_is_not_compared(evaluated, other, changed, tmp_path):
    with pytest.raises(InputError, match=rf"were evaluated with other {next(iter(changed))} \(.* and .*\): evaluate"):
        run_here("compare", f"--workdirs={evaluated[0]},{other(0.5, **changed)}", f"--output={tmp_path}/c")
    assert not (tmp_path / "c.md").exists()
