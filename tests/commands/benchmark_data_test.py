"""`cdae benchmark_data`: images per second, by a clock of the test."""

import time

import numpy as np
from commands import run_here

from cdae_jax.data import pipeline


def test_speeds_are_of_whole_batches_in_the_time_that_they_took(monkeypatch, capsys):
    """Half a second a batch: after one second the third one is the last."""
    clock, shapes = [0.0], []

    def batches(split, first, stop, batch_size, seed):
        shapes.append(split.images.shape[1:])
        for _ in range(first, stop):
            clock[0] += 0.5
            yield split.take(np.arange(batch_size))

    monkeypatch.setattr(pipeline, "batches", batches)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    run_here("benchmark_data", "--batch_size=16", "--seconds=1")
    assert clock == [4 * 3 * 0.5]
    lines = capsys.readouterr().out.splitlines()
    told = [f"{side} x {side} x {channels}, batches of 16: 32 images/s" for side, _, channels in shapes]
    assert lines == told and shapes[0] == (28, 28, 1) and shapes[-1] == (128, 128, 3)
