"""The probe of what x_T still holds, on inputs whose answer is known."""

import numpy as np
import pytest
from commands import command

from cdae_jax.studies.leak import readable

RNG = np.random.default_rng(0)
LABELS = RNG.normal(size=800)


def test_a_factor_that_is_there_is_read_and_one_that_is_not_is_not():
    noise = RNG.normal(size=(800, 4, 4, 1))
    assert readable(noise, LABELS) < 0.05
    curved = noise.copy()
    curved[:, 0, 0, 0] = np.tanh(LABELS)
    curved[:, 1:] *= 0  # the rest is silent
    assert readable(curved, LABELS) > 0.9


def test_half_hidden_in_noise_reads_as_half():
    buried = (LABELS + RNG.normal(size=800))[:, None]
    assert readable(buried, LABELS) == pytest.approx(0.5, abs=0.1)


def test_the_command_refuses_what_is_no_workdir(tmp_path):
    done = command("leak", f"--workdir={tmp_path}")
    assert done.returncode == 2 and "is no workdir of a trained model" in done.stderr
