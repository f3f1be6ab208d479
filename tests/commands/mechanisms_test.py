"""`cdae mechanisms`: every kind beside the chosen one, and data without a known truth."""

import numpy as np
import pytest
from commands import run_here

from cdae_jax.errors import InputError
from cdae_jax.training import mechanisms


def test_the_command_puts_every_kind_beside_the_chosen_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(mechanisms, "STEPS", 10)
    given = ("--config=pendulum:smoke", f"--config.data.data_dir={tmp_path}", "--steps=10")
    run_here("mechanisms", *given, f"--output={tmp_path}/mechanisms.md")
    text = (tmp_path / "mechanisms.md").read_text()
    assert text in capsys.readouterr().out
    assert "| effect | scaled | affine | spline | chosen |" in text
    rows = [line for line in text.splitlines() if line.startswith("| do(")]
    assert len(rows) == 2 * 2 * 2  # two causes, two effects, usual and far values
    assert all(line.count("[") == 4 for line in rows)


def test_where_no_truth_is_known_nothing_can_be_compared(tmp_path):
    (tmp_path / "graph.json").write_text('{"b": ["a"]}')
    np.savez(tmp_path / "images.npz", images=np.random.default_rng(0).integers(0, 255, (120, 16, 16), np.uint8))
    rows = [f"{i},{i % 7 + i / 200},{i % 11}" for i in range(120)]
    (tmp_path / "labels.csv").write_text("\n".join(["index,a,b", *rows]))
    own = (f"--config.data.images={tmp_path}/images.npz", f"--config.data.labels={tmp_path}/labels.csv")
    with pytest.raises(InputError, match="no effect whose true mechanism is known"):
        run_here("mechanisms", f"--config=custom:smoke,{tmp_path}/graph.json", *own)
