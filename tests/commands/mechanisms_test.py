"""`cdae mechanisms`: every kind beside the chosen one, and data without a known truth."""

import functools

import numpy as np
import pytest
from commands import run_here

from cdae_jax.errors import InputError
from cdae_jax.studies import mechanisms


def test_the_command_puts_every_kind_beside_the_chosen_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(mechanisms, "fit_to_labels", functools.partial(mechanisms.fit_to_labels, steps=20))
    given = ("--config=pendulum:smoke", f"--config.data.data_dir={tmp_path}", f"--output={tmp_path}/mechanisms.md")
    run_here("mechanisms", *given)
    text = (tmp_path / "mechanisms.md").read_text()
    assert text in capsys.readouterr().out
    assert "| effect | scaled | affine | spline | chosen |" in text
    rows = [line for line in text.splitlines() if line.startswith("| do(")]
    assert len(rows) == 2 * 2 * 2  # two causes, two effects, usual and far values
    assert all(line.count("[") == 4 for line in rows)


def test_where_no_truth_is_known_held_out_labels_speak_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(mechanisms, "fit_to_labels", functools.partial(mechanisms.fit_to_labels, steps=20))
    (tmp_path / "graph.json").write_text('{"b": ["a"]}')
    np.savez(tmp_path / "images.npz", images=np.random.default_rng(0).integers(0, 255, (120, 16, 16), np.uint8))
    rows = [f"{i},{i % 7 + i / 200},{i % 11}" for i in range(120)]
    (tmp_path / "labels.csv").write_text("\n".join(["index,a,b", *rows]))
    own = (f"--config.data.images={tmp_path}/images.npz", f"--config.data.labels={tmp_path}/labels.csv")
    run_here("mechanisms", f"--config=custom:smoke,{tmp_path}/graph.json", *own)
    told = capsys.readouterr().out
    assert "| b |" in told and "True mechanisms are unknown" in told and "| do(" not in told


def test_the_labels_of_the_worked_example_need_no_config(monkeypatch, capsys):
    monkeypatch.setattr(mechanisms, "fit_to_labels", functools.partial(mechanisms.fit_to_labels, steps=20))
    monkeypatch.setattr(mechanisms, "KINDS", ("scaled",))
    run_here("mechanisms", "--example")
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| do(")]
    assert len(rows) == 2 * (3 + 1)  # of warmth on size, glow and height; of size on glow; never on "on", see `example`
    for given, told in ((("--example", "--config=pendulum:smoke"), "leave one out"), ((), "say whose labels")):
        with pytest.raises(InputError, match=told):
            run_here("mechanisms", *given)
