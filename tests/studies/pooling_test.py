"""Runs of one model as one: means, intervals over images, and what is refused."""

import numpy as np
import pytest

from cdae_jax.errors import InputError
from cdae_jax.studies.compare import table
from cdae_jax.studies.pooling import pool


def metrics(error, interval, **more):
    cell = {"normalised": error, "interval": interval, "count": 9}
    return {"effectiveness": {"do(a)": {"a": cell}}, "train": {"steps": 5}, **more}


def row_of(text, name):
    return next(line for line in text.splitlines() if line.startswith(f"| {name} |"))


def test_runs_of_one_model_are_compared_as_one():
    """Each run errs more than the other on half of the images: their mean is the same for all."""
    even = np.tile([0.1, 0.0], 20)[None, :, None]
    errors = [0.3 + even, 0.4 - even]
    runs = []
    for seed, error in enumerate(errors):
        mean = {"mean": float(error.mean()), "interval": [0.0, 1.0], "count": 40}
        composition = {"mse": {"mean": 0.1 * seed, "interval": [0.0, 0.2 * seed], "count": 40}, "mse_after_10": mean}
        more = {"mean_effectiveness": mean, "composition": composition, "protocol": {"train_seed": seed, "seed": 1}}
        runs.append(metrics(float(error.mean()), [0.0, 1.0], **more))
    found, error = pool("ours", runs, errors)
    np.testing.assert_allclose(error, 0.35)
    cell = found["effectiveness"]["do(a)"]["a"]
    assert cell["normalised"] == pytest.approx(0.35) and cell["interval"] == pytest.approx([0.35, 0.35])
    assert found["mean_effectiveness"]["interval"] == pytest.approx([0.35, 0.35])
    assert found["composition"]["mse"] == {"mean": 0.05, "interval": [0.0, 0.1], "count": 40}
    text, _ = table({"ours": found, "other": metrics(0.5, [0.4, 0.6])})
    assert row_of(text, "mean error of each run") == "| mean error of each run | | 0.35; 0.35 | - |"
    assert row_of(text, "trained") == "| trained | | 5 steps, seed 0; 5 steps, seed 1 | 5 steps |"
    assert pool("ours", runs, [errors[0], None])[1] is None
    unmeasured, _ = pool("ours", [{"train": run["train"], "protocol": run["protocol"]} for run in runs], [None, None])
    assert row_of(table({"ours": unmeasured})[0], "mean error of each run") == "| mean error of each run | | -; - |"
    assert pool("ours", runs[:1], errors[:1])[0] is runs[0]
    with pytest.raises(InputError, match="runs called 'ours' have the training seeds 0, 0"):
        pool("ours", [runs[0], runs[0]], errors)
    runs[1]["protocol"] |= {"corrections": 2}
    with pytest.raises(InputError, match="'ours' differ in more than their seed, corrections is None and 2: give them"):
        pool("ours", runs, errors)
