"""Segments of a run: the steps asked for at first, and those of each extension."""

import dataclasses
import json
import pathlib

from cdae_jax.errors import InputError
from cdae_jax.paths import write_whole
from cdae_jax.settings.run import Settings
from cdae_jax.settings.sections import Train

OWN = ("learning_rate", "warmup_steps", "anneal_steps", "ema_decay")  # of `Train`: what each segment has of its own


@dataclasses.dataclass(frozen=True)
class Segment:
    """The steps after `start` up to `stop`, with a warm-up and a decay of the learning rate of their own. Optimiser and
    average go on from the segment before, and anneal_steps are the first segment's: gamma rises once."""

    start: int
    stop: int
    learning_rate: float
    warmup_steps: int
    anneal_steps: int
    ema_decay: float

    def settings(self, settings: Settings) -> Settings:
        """The settings as they hold in this segment, with train.steps up to its end."""
        own = {name: getattr(self, name) for name in OWN}
        return dataclasses.replace(settings, train=dataclasses.replace(settings.train, steps=self.stop, **own))

    def __str__(self) -> str:
        rate = f"a learning rate up to {self.learning_rate:g} and a warm-up of {self.warmup_steps} steps"
        return f"steps {self.start + 1} to {self.stop} with {rate}"


def first_segment(train: Train) -> Segment:
    """The segment of a run that is not extended."""
    return Segment(0, train.steps, **{name: getattr(train, name) for name in OWN})


def extended(segments: tuple[Segment, ...], train: Train) -> tuple[Segment, ...]:
    """The segments, and one more if `train` has more steps than they do; its warm-up is at most a tenth of it."""
    start, own = segments[-1].stop, first_segment(train)
    if train.steps <= start:
        return segments
    warmup_steps = min(train.warmup_steps, (train.steps - start) // 10)
    anneal_steps = segments[0].anneal_steps
    return (*segments, dataclasses.replace(own, start=start, warmup_steps=warmup_steps, anneal_steps=anneal_steps))


def read_segments(directory: pathlib.Path, train: Train) -> tuple[Segment, ...]:
    """The stored segments of a workdir; without any, one of `train`. Raises InputError if they are damaged."""
    path = directory / "segments.json"
    if not path.is_file():
        return (first_segment(train),)
    try:
        return tuple(Segment(**stored) for stored in json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as err:
        raise InputError(f"{path} is damaged ({err}): train again into a new workdir") from err


def write_segments(directory: pathlib.Path, segments: tuple[Segment, ...]) -> None:
    """Stores the segments in a workdir; `read_segments` reads them back."""
    plain = [dataclasses.asdict(segment) for segment in segments]
    write_whole(directory / "segments.json", json.dumps(plain, indent=2) + "\n")
