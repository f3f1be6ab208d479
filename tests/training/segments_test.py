"""The segments of a run: what each has of its own, and how they are kept."""

import dataclasses

import pytest
from short_runs import settings_with

from cdae_jax.errors import InputError
from cdae_jax.training import segments

SETTINGS = settings_with(train={"steps": 1_000, "warmup_steps": 50})
LONGER = dataclasses.replace(SETTINGS.train, steps=3_000, learning_rate=0.5, anneal_steps=99, ema_decay=0.5)


def test_a_run_is_one_segment_until_more_is_asked_for():
    first = segments.first_segment(SETTINGS.train)
    assert first.settings(SETTINGS) == SETTINGS
    assert segments.extended((first,), SETTINGS.train) == (first,)


def test_a_segment_has_its_own_rate_warm_up_and_average_and_no_annealing():
    first, second = segments.extended((segments.first_segment(SETTINGS.train),), LONGER)
    train = second.settings(dataclasses.replace(SETTINGS, train=LONGER)).train
    assert train == dataclasses.replace(LONGER, anneal_steps=SETTINGS.train.anneal_steps)
    assert first.settings(dataclasses.replace(SETTINGS, train=LONGER)).train == SETTINGS.train
    assert str(second) == "steps 1001 to 3000 with a learning rate up to 0.5 and a warm-up of 50 steps"


@pytest.mark.parametrize(("more", "warmup"), [(10_000, 50), (200, 20), (9, 0)])
def test_a_short_segment_warms_up_for_a_tenth_of_it(more, warmup):
    train = dataclasses.replace(SETTINGS.train, steps=1_000 + more)
    assert segments.extended((segments.first_segment(SETTINGS.train),), train)[1].warmup_steps == warmup


def test_segments_are_kept(tmp_path):
    first = segments.first_segment(SETTINGS.train)
    assert segments.read_segments(tmp_path, SETTINGS.train) == (first,)  # of an older version
    both = segments.extended((first,), LONGER)
    segments.write_segments(tmp_path, both)
    assert segments.read_segments(tmp_path, LONGER) == both
    for damaged in ("{", "[{}]", "[3]"):
        (tmp_path / "segments.json").write_text(damaged)
        with pytest.raises(InputError, match="segments.json is damaged"):
            segments.read_segments(tmp_path, LONGER)
