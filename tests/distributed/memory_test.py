"""How much memory was in use, of the device or of the process."""

import resource
import sys
import types

import jax
import numpy as np
import pytest

from cdae_jax.distributed import memory
from cdae_jax.distributed.memory import peak_mib


class Device:
    def memory_stats(self):
        return {"peak_bytes_in_use": 3 * 2**20, "bytes_in_use": 2**20}


def test_on_an_accelerator_it_is_the_devices(monkeypatch):
    monkeypatch.setattr(jax, "local_devices", lambda: [Device()])
    assert peak_mib() == 3


@pytest.mark.parametrize(("platform", "unit"), [("linux", 2**10), ("darwin", 1)])
def test_on_a_cpu_it_is_the_processs_in_the_units_of_the_system(monkeypatch, platform, unit):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(resource, "getrusage", lambda who: types.SimpleNamespace(ru_maxrss=3 * 2**20 / unit))
    assert peak_mib() == 3


def test_where_nothing_counts_it_is_unknown(monkeypatch):
    monkeypatch.setattr(memory, "resource", None)  # as on Windows
    assert np.isnan(memory.peak_mib())
