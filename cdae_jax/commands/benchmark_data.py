"""How fast batches are made, so that data never slow training.

cdae benchmark_data --batch_size=128
"""

import time

import numpy as np
from absl import flags

from cdae_jax.data.dataset import Split
from cdae_jax.data.pipeline import batches

BATCH_SIZE = flags.DEFINE_integer("batch_size", 128, "Images in a batch.", lower_bound=1)
SECONDS = flags.DEFINE_float("seconds", 3.0, "How long to measure each size.", lower_bound=0.1)
IN_MEMORY_BYTES = 400_000_000


def images_per_second(resolution: int, channels: int, batch_size: int, seconds: float) -> float:
    """Images of a split in memory that become shuffled batches in a second."""
    num = IN_MEMORY_BYTES // (resolution**2 * channels)
    images = np.zeros((num, resolution, resolution, channels), np.uint8)
    split = Split(images, np.zeros((num, 4), np.float32), np.zeros(num, np.int32))
    done, start = 0, time.perf_counter()
    for batch in batches(split, 0, 10**9, batch_size, seed=0):
        done += len(batch)
        if time.perf_counter() - start > seconds:
            break
    return done / (time.perf_counter() - start)


def main() -> None:
    for resolution, channels in ((28, 1), (32, 3), (64, 3), (128, 3)):
        rate = images_per_second(resolution, channels, BATCH_SIZE.value, SECONDS.value)
        print(f"{resolution} x {resolution} x {channels}, batches of {BATCH_SIZE.value}: {rate:,.0f} images/s")
