"""The batch size that fills the memory of the devices at hand, asked of the compiler before any training."""

import dataclasses
import math

import jax

from cdae_jax.distributed import sharding
from cdae_jax.errors import InputError
from cdae_jax.graph import AUTO
from cdae_jax.profiling.plan import compile_train_step, held_bytes, largest_batch
from cdae_jax.settings.run import Settings

SHARE = 0.8  # of a device's memory; the rest is for what runs beside the step
PROBES = (8, 16)  # images per device, microbatch and refined image, whose memory is planned


def memory_of_a_device() -> int | None:
    """Bytes, the least of this process's devices; None where they tell no limit, as CPUs."""
    told = [device.memory_stats() or {} for device in jax.local_devices() if device.platform != "cpu"]
    return min((stats["bytes_limit"] for stats in told if "bytes_limit" in stats), default=None)


def fitting_batch_size(settings: Settings) -> int:
    """The most images of a step, over all devices, whose planned memory stays within SHARE of each device's: a power of
    two times the devices, microbatches and `train.refine_every`. The learning rate stays as it is.

    Memory is a straight line through that of two compiled steps, whatever settings.train.batch_size is.

    Raises:
      InputError: devices that tell no limit, a model too small for memory to grow with the batch, or one too large.
    """
    field, limit = f'config.train.batch_size is "{AUTO}"', memory_of_a_device()
    if limit is None:
        raise InputError(f"{field}, which asks a GPU or a TPU for its memory: on a CPU give a number, such as 16")
    mesh = sharding.make_mesh(settings.system.fsdp)
    unit = mesh.size * settings.system.microbatches * settings.train.refine_every
    points = []
    for probe in PROBES:
        tried = dataclasses.replace(settings, train=dataclasses.replace(settings.train, batch_size=probe * unit))
        points.append((probe * unit, held_bytes(compile_train_step(tried, mesh, probe * unit))))
    fits = largest_batch(*points, SHARE * limit)
    if fits is None:
        raise InputError(f"{field}, but this model is so small that its memory does not grow: give a number")
    if fits < unit:
        raise InputError(
            f"{field}, but not even {unit} images fit {limit / 2**30:.1f} GiB a device: use more"
            " config.system.microbatches, fsdp, remat or bfloat16"
        )
    return unit * 2 ** math.floor(math.log2(fits / unit))
