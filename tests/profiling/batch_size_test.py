"""Batch sizes by memory, planned for emulated devices of a made-up size."""

import pytest
from short_runs import settings_with

from cdae_jax.errors import InputError
from cdae_jax.profiling import batch_size
from cdae_jax.profiling.batch_size import SHARE, fitting_batch_size


@pytest.fixture
def plans(monkeypatch):
    """Sets the memory of a device, and what steps would take of it: a base and an amount an image."""

    def given(memory, base=1000, per_image=10):
        compiled = []
        monkeypatch.setattr(batch_size, "memory_of_a_device", lambda: memory)
        monkeypatch.setattr(batch_size, "compile_train_step", lambda _, mesh, num: compiled.append(num) or num)
        monkeypatch.setattr(batch_size, "held_bytes", lambda num: base + per_image * num)
        return compiled

    return given


@pytest.mark.parametrize(("microbatches", "refine_every"), [(1, 1), (2, 1), (1, 4)])
def test_it_is_the_largest_of_its_kind_that_stays_within_the_share(plans, microbatches, refine_every):
    settings = settings_with(
        train={"refine_every": refine_every}, system={"microbatches": microbatches}, model={"decoder": "refiner"}
    )
    compiled, memory = plans(100_000), 100_000
    found = fitting_batch_size(settings)
    assert 1000 + 10 * found <= SHARE * memory < 1000 + 10 * 2 * found
    unit = compiled[0] // batch_size.PROBES[0]
    assert unit % (microbatches * refine_every) == 0
    assert found % unit == 0 and (found // unit).bit_count() == 1


def test_what_does_not_fit_or_cannot_be_known_is_refused(plans, monkeypatch):
    settings = settings_with()
    plans(1000)
    with pytest.raises(InputError, match='batch_size is "auto", but not even .* images fit 0.0 GiB a device: use more'):
        fitting_batch_size(settings)
    plans(100_000, per_image=0)
    with pytest.raises(InputError, match="so small that its memory does not grow: give a number"):
        fitting_batch_size(settings)
    monkeypatch.undo()
    with pytest.raises(InputError, match="on a CPU give a number, such as 16"):
        fitting_batch_size(settings)


def test_a_real_step_is_planned(monkeypatch):
    monkeypatch.setattr(batch_size, "memory_of_a_device", lambda: 2**30)
    settings = settings_with(data={"resolution": 32}, train={"batch_size": 10**9})  # which is not looked at
    assert 64 <= fitting_batch_size(settings) <= 2**20
