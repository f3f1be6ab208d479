"""Timing a training step, and how many fit into so many minutes."""

import pytest
from short_runs import dataset_of, settings_with

from cdae_jax.errors import InputError
from cdae_jax.training import budget
from cdae_jax.training.budget import StepTime, steps_for


@pytest.mark.parametrize(
    ("minutes", "timed", "steps"),
    [(1, StepTime(0.5, 10), 100), (1, StepTime(0.5, 0), 120), (1, StepTime(7, 0), 8), (1, StepTime(1, 90), 1)],
)
def test_as_many_steps_as_fit_after_compiling_and_one_at_least(minutes, timed, steps):
    assert steps_for(minutes, timed) == steps


def test_a_step_is_timed_on_the_data_even_where_the_run_has_fewer(idle):
    settings = settings_with(train={"steps": 3})
    timed = budget.seconds_per_step(settings, dataset_of(settings))
    assert 0 < timed.seconds < timed.compile_seconds


def test_what_cannot_be_trained_cannot_be_timed():
    settings = settings_with(train={"batch_size": 10_000})
    with pytest.raises(InputError, match="batch_size is 10000, more than the"):
        budget.seconds_per_step(settings, dataset_of(settings))
