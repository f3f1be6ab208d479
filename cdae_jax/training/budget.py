"""How many steps fit into a given time, from training steps timed on real batches."""

import itertools
import statistics
import time
from typing import NamedTuple

import jax

from cdae_jax.data.dataset import Dataset
from cdae_jax.distributed import sharding
from cdae_jax.precision import in_float32
from cdae_jax.settings.run import Settings
from cdae_jax.training.loop import examples_of, host_batches
from cdae_jax.training.step import Setup, mesh_of

FIRST, TIMED = 2, 10  # steps that are not timed, and timed steps after them


class StepTime(NamedTuple):
    """Seconds of a training step, its batch included, and of compiling it."""

    seconds: float
    compile_seconds: float


@in_float32
def seconds_per_step(settings: Settings, dataset: Dataset) -> StepTime:
    """Times TIMED training steps on batches of the dataset; the median counts. Raises InputError as `train_model`."""
    settings = settings.resolved()
    train, mesh = settings.train, mesh_of(settings)
    split, y, _ = examples_of(settings, dataset)
    setup = Setup(settings, mesh, split.images.shape[1:], dataset.num_classes)
    begun = time.perf_counter()
    run_step = setup.lower(train.batch_size).compile()
    state = jax.block_until_ready(setup.first_state())
    compile_seconds, seconds = time.perf_counter() - begun, []
    for batch in itertools.islice(host_batches(split, y, 0, train, settings.data.labelled_share), FIRST + TIMED):
        begun = time.perf_counter()
        state, metrics = run_step(state, sharding.to_devices(batch, mesh))
        jax.block_until_ready(metrics)
        seconds.append(time.perf_counter() - begun)
    return StepTime(statistics.median(seconds[FIRST:] or seconds), compile_seconds)


def steps_for(minutes: float, timed: StepTime) -> int:
    """How many steps, at least 1, take these minutes together with the compilation before them."""
    return max(1, int((60 * minutes - timed.compile_seconds) / timed.seconds))
