"""The comparison's table: what is bold, what is missing, what is refused."""

import dataclasses
import json

import numpy as np
import pytest
import stripes
from matplotlib.figure import Figure

from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.errors import InputError
from cdae_jax.evaluation.evaluate import PROTOCOL
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.inference.answers import Counterfactuals
from cdae_jax.studies import compare
from cdae_jax.studies.compare import differences, errors_of_images, read_metrics, table


def metrics(error, interval, **more):
    cell = {"normalised": error, "interval": interval, "count": 9}
    return {"effectiveness": {"do(a)": {"a": cell}}, "train": {"steps": 5}, **more}


def row_of(text, name):
    return next(line for line in text.splitlines() if line.startswith(f"| {name} |"))


def test_bold_only_where_the_interval_lies_beyond_all_others():
    apart, _ = table({"x": metrics(0.1, [0.08, 0.12]), "y": metrics(0.2, [0.18, 0.22])})
    assert row_of(apart, "do(a): a") == "| do(a): a | 9 | **0.1** (0.08..0.12) | 0.2 (0.18..0.22) |"
    near, _ = table({"x": metrics(0.1, [0.08, 0.12]), "y": metrics(0.13, [0.11, 0.15])})
    assert "**" not in near
    three, _ = table({name: metrics(e, [e - 0.02, e + 0.02]) for name, e in (("x", 0.1), ("y", 0.13), ("z", 0.3))})
    assert "**" not in three  # beyond one, not beyond all


def test_where_more_is_better_the_larger_is_bold_and_gaps_are_shown():
    kept = {"do(a)": {"mean": 0.9, "interval": [0.88, 0.92], "count": 9}}
    worse = {"do(a)": {"mean": 0.5, "interval": [0.4, 0.6], "count": 9}}
    text, plain = table({"x": metrics(0.1, [0, 1], context_kept=worse), "y": metrics(0.1, [0, 1], context_kept=kept)})
    assert row_of(text, "do(a): class kept") == "| do(a): class kept | 9 | 0.5 (0.4..0.6) | **0.9** (0.88..0.92) |"
    assert plain["y"]["do(a): class kept"]["direction"] == "higher is better"
    text, _ = table({"x": metrics(0.1, [0, 1]), "y": metrics(0.1, [0, 1], context_kept=kept)})
    assert row_of(text, "do(a): class kept").startswith("| do(a): class kept | 9 | - |")


def test_every_table_says_what_real_images_and_the_unchanged_image_have():
    """Two variables, a -> b; the second intervention's truth can be rendered, the first's is unknown for b."""

    def cell(error):
        return {
            "normalised": error,
            "interval": None if error is None else [0.0, 9.0],
            "count": 0 if error is None else 9,
        }

    def value(mean):
        return {"mean": mean, "interval": [0.0, 1.0], "count": 9}

    found = metrics(0.1, [0.08, 0.12], protocol={"seed": 0})
    found["effectiveness"] = {do: {"a": cell(0.1), "b": cell(0.2)} for do in ("do(a)", "do(b)")}
    found["mean_effectiveness"], found["context_kept"] = value(0.15), {"do(a)": value(0.9)}
    found["unchanged"] = {"do(a)": {"a": cell(1.5), "b": cell(None)}, "do(b)": {"a": cell(0.0), "b": cell(0.5)}}
    floor = {"a": cell(0.01), "b": cell(0.03)}
    found["floor"] = {"factual": floor, "do(b)": {"a": cell(0.0), "b": cell(0.04)}, "context_read": value(0.99)}
    found["counterfactual_error"] = {
        "do(b)": {"mse": value(0.001), "ssim": value(0.95), "mse_unchanged": 0.02, "ssim_unchanged": 0.4}
    }
    found["realism"] = {
        "do(a)": {"frechet": 3.0, "count": 9, "sharpness": value(0.8)},
        "do(b)": {"frechet": 2.0, "frechet_of_true_images": 1.0, "count": 9},
    }
    text, plain = table({"x": found, "y": metrics(0.3, [0.2, 0.4], protocol={"seed": 0})})
    assert text.splitlines()[0] == "| | images | x | y | real images | factual image left unchanged |"
    last = {
        line.split(" | ")[0].removeprefix("| "): line.removesuffix(" |").split(" | ")[-2:] for line in text.splitlines()
    }
    assert last["do(a): a"] == ["0.01 (0..9)", "1.5 (0..9)"]
    assert last["do(a): b"] == ["0.03 (0..9)", "-"]
    assert last["do(b): b"] == ["0.04 (0..9)", "0.5 (0..9)"]  # of the rendered truth
    assert last["effectiveness: mean error of all cells"] == ["0.02", "0.875"]  # of (0.02, 0.02) and of (1.5, 0.25)
    assert last["do(a): class kept"] == ["0.99 (0..1)", "0.99 (0..1)"]
    assert last["do(b): pixel MSE to the true image"] == ["-", "0.02"]
    assert last["do(b): SSIM to the true image"] == ["-", "0.4"]
    assert last["do(a): Frechet distance on the predictor's features"] == ["-", "-"]
    assert last["do(b): Frechet distance on the predictor's features"] == ["1", "-"]
    assert plain["x"]["do(a): sharpness (1: as real)"]["mean"] == 0.8
    assert "do(b): sharpness (1: as real)" not in plain["x"]
    assert plain["factual image left unchanged"]["do(b): b"]["mean"] == 0.5
    found["unchanged"]["do(b)"]["a"]["interval"], found["effectiveness"]["do(b)"]["a"]["interval"] = (
        [0.0, 0.0],
        [0.05, 0.15],
    )
    unmarked = table({"x": found, "y": found})[0]
    assert "| 0 (0..0) |" in unmarked and "**" not in unmarked  # only models win
    assert "real images" not in table({"x": found, "y": metrics(0, [0, 0])})[0]


def test_other_protocols_and_missing_evaluations_are_refused(tmp_path):
    with pytest.raises(InputError, match="run cdae evaluate for it first"):
        read_metrics(tmp_path)
    (tmp_path / "metrics.json").write_text(json.dumps({"protocol": {"protocol": PROTOCOL - 1}}))
    with pytest.raises(InputError, match="evaluate that model again"):
        read_metrics(tmp_path)


def test_models_are_compared_image_by_image(tmp_path):
    """Images differ by far more than the models do, always in the same direction."""
    errors = {"x": np.linspace(0.0, 2.0, 40), "y": np.linspace(0.0, 2.0, 40) + np.tile([0.01, 0.03], 20)}
    found, folders = {}, [tmp_path / name for name in errors]
    for (name, values), folder in zip(errors.items(), folders, strict=True):
        (folder / "evaluation").mkdir(parents=True)
        part = {"key": {"parameters": name, "seed": 1}, "result": {"per_image": values[:, None].tolist()}}
        (folder / "evaluation" / "do_a.json").write_text(json.dumps(part))
        interval = [float(values.mean()) - 0.2, float(values.mean()) + 0.2]
        found[name] = metrics(float(values.mean()), interval, protocol={"parameters": name, "seed": 1, "steps": 5})
    images = {name: errors_of_images(folder, found[name]) for name, folder in zip(found, folders, strict=True)}
    by_name = differences(found, images)
    nothing = {"mean": 0.0, "interval": [0.0, 0.0], "count": 40}
    assert by_name["x"] == {"to": "x", "mean": nothing, "cells": {"do(a)": {"a": nothing}}}
    cell = by_name["y"]["cells"]["do(a)"]["a"]
    assert by_name["y"]["mean"]["interval"] == pytest.approx(cell["interval"]) and by_name["y"]["to"] == "x"
    assert by_name["y"]["mean"]["mean"] == pytest.approx(0.02)
    low, high = by_name["y"]["mean"]["interval"]
    assert 0.015 < low < 0.02 < high < 0.025
    for name, difference in by_name.items():
        found[name]["difference"] = difference
    for name in ("effectiveness: mean error less that of x, image by image", "do(a): a, less that of x"):
        row = row_of(table(found)[0], name)
        assert row.split(" | ")[1:3] == ["40", "0 (0..0)"] and row.split(" | ")[3].startswith("0.02 (0.01")

    found["y"]["protocol"]["parameters"] = "trained further since"
    assert errors_of_images(folders[1], found["y"]) is None
    assert not differences(found, images | {"y": None})


@pytest.mark.parametrize(("largest", "scale"), [(0.3, "linear"), (30.0, "log")])
def test_one_large_error_does_not_hide_the_others(largest, scale, monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure.axes[0].get_yscale()))
    found = {str(i): metrics(0.1, [0.05, 0.2]) for i in range(3)} | {"far": metrics(largest, [largest, largest])}
    compare.bars(tmp_path / "bars.png", found)
    assert drawn == [scale]


def test_the_pictures_are_decoded_as_the_numbers_were(monkeypatch, tmp_path):
    seen, drawn = [], []

    class Model(stripes.OfTheTruth):
        def counterfactual(self, images, do, context, options):
            seen.append(options)
            return Counterfactuals(*super().counterfactual(images, do))

    monkeypatch.setattr(compare, "load", lambda workdir: Model())
    monkeypatch.setattr(compare, "dataset_of", lambda *_: stripes.world())
    monkeypatch.setattr(compare, "image_table", lambda path, rows, title: drawn.extend(rows))
    asked = Sampling(3, 1.5, "invert", 0.7, "dpm_solver", 2, 3)
    found = {"x": {"protocol": {"workdir": "x", "seed": 0} | dataclasses.asdict(asked)}}
    compare.draw_grid(found, 2, tmp_path / "grid.png")
    assert seen == [asked] * 3 and len(drawn) == 2 * 3  # variables, and as many rows for each test image
    low, high = np.percentile(stripes.world().test.labels[:, 0], [15, 85])
    assert [name for name, *_ in drawn[:2]] == [f"do(a = {low:.3g})", f"do(a = {high:.3g})"]
    for _, images, texts in drawn:
        assert texts == ["factual", "x", "true"]
        np.testing.assert_array_equal(images[1], images[2])


def test_what_not_all_models_know_is_not_drawn(monkeypatch, tmp_path):
    class OfC(stripes.OfTheTruth):
        graph = CausalGraph((Variable("c"),))

    drawn = []
    monkeypatch.setattr(compare, "load", lambda workdir: OfC())
    monkeypatch.setattr(compare, "dataset_of", lambda *_: stripes.world(render=None))
    monkeypatch.setattr(compare, "image_table", lambda path, rows, title: drawn.extend(rows))
    monkeypatch.setattr(OfC, "counterfactual", lambda self, images, do, **_: Counterfactuals(images, None))
    asked = dataclasses.asdict(Sampling(3))
    compare.draw_grid({"x": {"protocol": {"workdir": "x"} | asked}}, 2, tmp_path / "grid.png")
    assert [name.split(" =")[0] for name, *_ in drawn] == ["do(c"] * 2


def test_models_of_other_variables_are_not_compared_image_by_image():
    found = {name: metrics(0.1, [0, 1], protocol={"seed": 1}) for name in "xy"}
    errors = {name: np.zeros((1, 9, 1)) for name in "xy"}
    assert set(differences(found, errors)) == {"x", "y"}
    found["y"]["effectiveness"] = {"do(b)": {"b": found["x"]["effectiveness"]["do(a)"]["a"]}}
    assert not differences(found, errors)
