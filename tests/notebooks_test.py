"""The code of the tutorials runs, on less than it says, and every picture appears."""

import json
import pathlib

import matplotlib.pyplot as plt
import numpy as np
import pytest
import stripes

import cdae_jax
from cdae_jax.data import pendulum
from cdae_jax.evaluation import bench as benches
from cdae_jax.evaluation import evaluate as evaluation
from cdae_jax.evaluation import figures

pytestmark = pytest.mark.usefixtures("one_device_alone")
DOCS = pathlib.Path(__file__).parents[1] / "docs"


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs a tutorial in an empty folder."""
    shown = []

    def show():
        figure = plt.gcf()
        figure.canvas.draw()
        shown.append(np.asarray(figure.canvas.buffer_rgba()).std())
        plt.close(figure)

    def execute(name):
        monkeypatch.setattr(plt, "show", show)
        monkeypatch.setattr("cdae_jax.inference.batches.BATCHES", (8,))  # nothing is compiled for one image
        monkeypatch.chdir(tmp_path)
        cells = json.loads((DOCS / name).read_text())["cells"]
        here = {}
        for source in ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"):
            before = len(shown)
            exec(compile(source, name, "exec"), here)
            assert (len(shown) > before) == ("show(" in source and "def show" not in source), source
        assert all(spread > 10 for spread in shown)
        return here

    return execute


@pytest.mark.filterwarnings("ignore:do.angle=:UserWarning")
def test_a_first_counterfactual(run, monkeypatch):
    make = pendulum.make_dataset
    monkeypatch.setattr(pendulum, "make_dataset", lambda sampling, side, _, *rest: make(sampling, side, 16, *rest))
    run("tutorial.ipynb")


@pytest.mark.filterwarnings("ignore:do.size=:UserWarning", "ignore:do.glow=:UserWarning")
def test_own_data(idle, run, monkeypatch):
    fit, small = cdae_jax.fit, {"data.resolution": 16, "train.batch_size": 8}

    def fit_briefly(*given, minutes, **options):
        return fit(*given, size="smoke", steps=2, changes=small, **options)

    monkeypatch.setattr(cdae_jax, "fit", fit_briefly)
    here = run("tutorial_own_data.ipynb")
    assert here["grown"].images.shape == (4, 16, 16, 3)


def test_evaluating_and_comparing(run, monkeypatch):
    """Of models of a small world, which are exact."""
    kinds = {"pendulum": stripes.OfTheTruth, "causalvae": stripes.Idle}
    monkeypatch.setattr(evaluation, "load", lambda folder: kinds[folder.name]())
    monkeypatch.setattr(evaluation, "dataset_of", lambda *_: stripes.world())
    monkeypatch.setattr(benches, "cached_judge", lambda *_: stripes.Pixels())
    monkeypatch.setattr(figures, "draw_fits", lambda bench: (bench.figures / "mechanism_fits.png").touch())
    here = run("tutorial_compare.ipynb")
    assert "**" in here["text"] and set(here["numbers"]) > {"pendulum", "causalvae"}
    assert here["errors"](here["report"]["effectiveness"]).shape == (3, 3)
