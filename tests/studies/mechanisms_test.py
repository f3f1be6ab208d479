"""What mechanisms make of labels alone: against the true ones, on a world whose labels are known."""

import functools

import numpy as np
import pytest
from commands import run_here

from cdae_jax.data.labels import LabelStats
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.model.scm import StructuralCausalModel
from cdae_jax.studies.mechanisms import believed
from cdae_jax.training import mechanisms
from cdae_jax.training.mechanisms import fit_to_labels

CHAIN = CausalGraph((Variable("a"), Variable("b", ("a",)), Variable("c", ("b",))))


def test_what_is_believed_follows_the_mechanisms_and_keeps_each_images_noise():
    rng = np.random.default_rng(0)
    a, noise = rng.normal(size=4_000), 0.3 * rng.normal(size=(2, 4_000))
    labels = np.stack([a, 2 * a + noise[0], 1 - 2 * a - noise[0] + noise[1]], 1)
    stats = LabelStats.of(labels, CHAIN)
    graph = CHAIN.with_mechanisms({"b": "scaled", "c": "affine"})
    scm, params, _ = fit_to_labels(StructuralCausalModel(graph, 1, 32), stats.standardise(labels), 0.05, steps=1_000)
    found = stats.physical(believed(scm, params, stats.standardise(labels[:50]), 0, np.full(50, 0.5)))
    b = 2 * found[:, 0] + noise[0, :50]
    np.testing.assert_allclose(found[:, 1], b, atol=0.15)
    np.testing.assert_allclose(found[:, 2], 1 - b + noise[1, :50], atol=0.15)


def test_the_command_puts_every_kind_beside_the_chosen_one(tmp_path, monkeypatch, capsys):
    short = functools.partial(mechanisms.fit_to_labels, steps=20)
    monkeypatch.setattr("cdae_jax.studies.mechanisms.fit_to_labels", short)
    given = ("--config=pendulum:smoke", f"--config.data.data_dir={tmp_path}", f"--output={tmp_path}/mechanisms.md")
    run_here("mechanisms", *given)
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
