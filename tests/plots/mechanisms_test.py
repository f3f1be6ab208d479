"""Mechanisms over labels: what a picture shows of what it is given."""

import contextlib

import numpy as np
import pytest

from cdae_jax.plots import mechanisms
from cdae_jax.plots.fonts import Figure
from cdae_jax.plots.mechanisms import MAX_POINTS, Effect, mechanism_fits


@pytest.fixture
def axes(monkeypatch):
    """The axes of the picture that is drawn."""
    figure, shown = Figure(), []

    @contextlib.contextmanager
    def picture(path, size, title, shape, dpi):
        shown.append(figure.subplots(*shape, squeeze=False))
        yield shown[0]

    monkeypatch.setattr(mechanisms, "picture", picture)
    return shown


def test_every_effect_has_its_causes_its_draws_and_its_noise(axes, tmp_path):
    rng = np.random.default_rng(0)
    labels, drawn, a, b, u = rng.normal(size=(5, 2 * MAX_POINTS))
    effects = {
        "c": Effect(labels, drawn, {"a": a, "b": b}, u, "spline", "px"),
        "d": Effect(drawn, labels, {"a": a}, None, "class", ""),
    }
    mechanism_fits(tmp_path / "fits.png", effects, "fits")
    ((of_a, of_b, noise), (d_of_a, empty, no_noise)) = axes[0]
    assert (of_a.get_title("left"), of_a.get_ylabel(), of_b.get_xlabel()) == ("c: spline", "c, px", "b")
    true, made = of_b.get_lines()
    np.testing.assert_array_equal(true.get_xydata(), np.stack([b, labels], 1)[:MAX_POINTS])
    np.testing.assert_array_equal(made.get_xydata(), np.stack([b, drawn], 1)[:MAX_POINTS])
    assert d_of_a.get_title("left") == "d: class" and len(d_of_a.get_lines()) == 2
    heights = np.array([bar.get_height() for bar in noise.patches])
    assert heights.sum() * 0.25 == pytest.approx(1) and not empty.axison and not no_noise.axison
    assert noise.get_lines()[0].get_ydata().max() == pytest.approx(0.3989, abs=1e-3)


def test_it_is_written(tmp_path):
    values = np.linspace(0, 1, 20)
    mechanism_fits(tmp_path / "fits.png", {"b": Effect(values, values, {"a": values}, values, "scaled", "")}, "one")
    assert (tmp_path / "fits.png").stat().st_size > 5_000
