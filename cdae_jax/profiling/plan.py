"""What a config would need and could at best do on a TPU slice: asked of its compiler, without a TPU.

The real training step and the real counterfactual are compiled ahead of time for the slice's topology; memory,
operations and collectives are those of the compiled programs, per chip. Times are bounds of the roofline model
(Williams, Waterman & Patterson 2009): no program is faster than its arithmetic, its memory traffic or its collectives
alone.
"""

import functools
import math
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import topologies

from cdae_jax.counterfactual import algorithm
from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.distributed import sharding
from cdae_jax.errors import InputError
from cdae_jax.model.causal_diffae import params_shapes
from cdae_jax.model.decoders import DECODERS
from cdae_jax.model.network import Network
from cdae_jax.profiling.benchmark import image_shape
from cdae_jax.progress import tqdm
from cdae_jax.settings.run import Settings
from cdae_jax.training.step import Setup


class Chip(NamedTuple):
    """Peak bfloat16 FLOP/s, bytes of memory, its bytes/s, and one direction's bytes/s over the links of one chip."""

    flops: float
    memory: float
    memory_speed: float
    link_speed: float


# https://docs.cloud.google.com/tpu/docs/v5e and its neighbours, by the name that a topology starts with.
CHIPS = {
    "v5e": Chip(197e12, 16 * 2**30, 819e9, 200e9),
    "v5p": Chip(459e12, 95 * 2**30, 2765e9, 600e9),
    "v6e": Chip(918e12, 32 * 2**30, 1640e9, 400e9),
}
COLLECTIVES = ("all-gather", "all-reduce", "reduce-scatter", "all-to-all", "collective-permute")
BYTES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s16": 2, "u16": 2, "f32": 4, "s32": 4, "u32": 4, "f64": 8}
# Without these the compiler asks the network what machine this is, complains that it is none, and lets no other process
# plan at the same time.
NOT_ON_A_TPU = {
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_ACCELERATOR_TYPE": "v5litepod-8",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def chip_of(topology: str) -> Chip:
    """The chip of a topology such as "v5e:2x4". Raises InputError naming what is wrong."""
    match = re.fullmatch(r"(\w+):\d+(x\d+)+", topology)
    if not match or match[1] not in CHIPS:
        expected = f"expected one of {', '.join(CHIPS)}, a colon and the slice, such as v5e:4x4"
        raise InputError(f"the topology is {topology!r}: {expected}")
    return CHIPS[match[1]]


def devices_of(topology: str) -> list:
    """The slice's chips as devices to compile for. Raises InputError: no TPU compiler, or no such slice."""
    for name, value in NOT_ON_A_TPU.items():
        os.environ.setdefault(name, value)
    try:
        return list(topologies.get_topology_desc(platform="tpu", topology_name=topology).devices)
    except jax.errors.JaxRuntimeError as err:
        raise InputError(f"the TPU compiler knows no slice {topology!r}: {str(err).splitlines()[0]}") from err
    except RuntimeError as err:
        install = 'install it with pip install "cdae_jax[tpu]"'
        raise InputError(f"a plan for a TPU needs the TPU's compiler, libtpu: {install}") from err


def collectives_of(hlo: str) -> dict[str, dict[str, int]]:
    """Collective's name -> how often it stands in a compiled program ("count") and the "bytes" of its results."""
    found = {}
    for shapes, name in re.findall(rf"= (.+?) ({'|'.join(COLLECTIVES)})(?:-start)?\(", hlo):
        entry = found.setdefault(name, {"count": 0, "bytes": 0})
        entry["count"] += 1
        for kind, shape in re.findall(r"\b([a-z]+\d*)\[([\d,]*)\]", shapes):
            entry["bytes"] += BYTES.get(kind, 4) * math.prod(map(int, shape.split(",") if shape else []))
    return found


def compile_train_step(settings: Settings, mesh, batch_size: int):
    """The training step for a batch of images over the whole mesh, compiled."""
    return Setup(settings, mesh, image_shape(settings)).lower(batch_size).compile()


def compile_counterfactual(settings: Settings, mesh, batch_size: int):
    """The counterfactuals of a batch of images over the whole mesh, compiled."""
    sampling, key = settings.sampling, jax.random.key(0)
    net, rows = _network(settings, mesh), functools.partial(sharding.abstract_rows, mesh, batch_size)
    given = jnp.asarray(settings.steps(settings.make_schedule(), sampling)), key
    t, key = sharding.abstract_like(given, sharding.replicated(mesh))
    x, y_do = (rows(shape, jnp.float32) for shape in (image_shape(settings), (len(settings.graph),)))
    return algorithm.counterfactual.lower(net, x, y_do, rows((), jnp.int32), t, key, sampling).compile()


def compile_evaluation(settings: Settings, mesh, batch_size: int):
    """One evaluation of the UNet on a batch of images over the whole mesh, compiled."""
    net, rows = _network(settings, mesh), functools.partial(sharding.abstract_rows, mesh, batch_size)
    x, z = (rows(shape, jnp.float32) for shape in (image_shape(settings), (len(settings.graph), net.model.block_dim)))
    given = x, rows((), jnp.int32), z, rows((), jnp.int32), rows((), jnp.bool_), x if net.decoder.has_draft else None
    return jax.jit(Network.denoise).lower(net, *given).compile()


def _network(settings: Settings, mesh) -> Network:
    model = settings.make_model(0)
    net = Network(model, params_shapes(model, image_shape(settings)), settings.make_schedule())
    return sharding.abstract_like(net, sharding.replicated(mesh))


def missing_evaluations(sampling: Sampling) -> int:
    """How many evaluations of the UNet a counterfactual makes beside those that its program holds, in a loop."""
    return sampling.evaluations - (1 if sampling.guidance in (0, 1) else 2)


def held_bytes(compiled) -> int:
    """Memory that a compiled program takes on each device at once."""
    memory = compiled.memory_analysis()
    held = sum(getattr(memory, f"{kind}_size_in_bytes") for kind in ("argument", "output", "temp", "generated_code"))
    return held - memory.alias_size_in_bytes


def program(compiled, chip: Chip, part=None, times: int = 0) -> dict:
    """What one chip does in a compiled program, of which a compiled part runs so many times more; the compiler counts
    the body of a loop once: "bytes" in memory at once, "flops" and "traffic" (bytes read and written), their ratio
    "intensity", "collectives", and the least "seconds" with what bounds them ("bound")."""
    collectives = collectives_of(compiled.as_text())
    flops, traffic = (
        sum(num * each.cost_analysis()[name] for each, num in ((compiled, 1), (part, times)) if num)
        for name in ("flops", "bytes accessed")
    )
    sent = 2 * sum(entry["bytes"] for entry in collectives.values())  # a ring passes everything twice
    times = {"arithmetic": flops / chip.flops, "memory": traffic / chip.memory_speed, "links": sent / chip.link_speed}
    bound = max(times, key=times.get)
    return {
        "bytes": held_bytes(compiled),
        "flops": flops,
        "traffic": traffic,
        "intensity": flops / traffic,
        "collectives": collectives,
        "seconds": times[bound],
        "bound": bound,
    }


def largest_batch(small: tuple[int, float], large: tuple[int, float], memory: float) -> int | None:
    """The most images per chip whose memory, a straight line through two (images, bytes), stays within `memory`; None
    if it does not grow, as for the smallest models."""
    (num, used), (more, used_by_more) = small, large
    per_image = (used_by_more - used) / (more - num)
    return max(0, num + math.floor((memory - used) / per_image)) if per_image > 0 else None


class Slice(NamedTuple):
    """A slice to plan for: what it is called, its chip, its devices, and the images of a training step."""

    topology: str
    chip: Chip
    mesh: jax.sharding.Mesh
    batch_size: int

    @property
    def per_chip(self) -> int:
        return self.batch_size // self.mesh.size


def slice_of(settings: Settings, topology: str, batch_size: int | None) -> Slice:
    """The slice of a topology. Raises InputError if it is unknown, without TPU compiler, or for an uneven batch."""
    chip, train, parts = chip_of(topology), settings.train, settings.system.microbatches
    mesh = sharding.make_mesh(settings.system.fsdp, devices_of(topology))
    batch_size = batch_size or max(train.batch_size, mesh.size * parts * train.refine_every)
    sharding.check_batch_size(batch_size, parts, train.refine_every, mesh)
    return Slice(topology, chip, mesh, batch_size)


def program_on(of: Slice, compile_it, settings: Settings, batch_size: int, compile_part=None, times: int = 0) -> dict:
    """`program` of what `compile_it`, and `compile_part`, compile for a slice. Raises InputError if it does not fit the
    chips."""
    try:
        compiled = compile_it(settings, of.mesh, batch_size)
        part = compile_part(settings, of.mesh, batch_size) if times else None
        return program(compiled, of.chip, part, times)
    except jax.errors.JaxRuntimeError as err:
        if "RESOURCE_EXHAUSTED" not in str(err):
            raise
        room = f"the {of.chip.memory / 2**30:.0f} GiB of a {of.topology} chip"
        advice = "use a smaller --batch_size, config.system.microbatches, fsdp, remat or bfloat16"
        raise InputError(f"{batch_size // of.mesh.size} images per chip do not fit {room}: {advice}") from err


def plan(settings: Settings, topologies: list[str], batch_size: int | None = None) -> Iterator[dict]:
    """Plans a config for slices; everything is checked before the first is compiled.

    The largest batch lies on the line through the memory of two batches per chip: those of two of the slices with the
    same chip, or else the slice's own and twice that. Results are yielded in the order of the slices, as soon as they
    are known. A step has batch_size images over the whole slice; None for the config's, or one per chip and microbatch
    if that is more. Raises InputError as `slice_of`, for a conv decoder, and for a config that does not fit.
    """
    if not DECODERS[settings.model.decoder].diffuses:
        raise InputError('config.model.decoder is "conv": plans are made for diffusion decoders')
    return _plans(settings, [slice_of(settings, topology, batch_size) for topology in topologies])


def _plans(settings: Settings, slices: list[Slice]) -> Iterator[dict]:
    params = params_shapes(settings.make_model(0), image_shape(settings))
    parameters = sum(leaf.size for leaf in jax.tree.leaves(params))
    bar = tqdm(desc="compiled", unit="program")

    @functools.cache
    def train_step(of: Slice) -> dict:
        found = program_on(of, compile_train_step, settings, of.batch_size)
        bar.update()
        return found | {"flops_per_image": found["flops"] / of.per_chip}

    for of in slices:
        others = [other for other in slices if other.chip == of.chip and other.per_chip != of.per_chip]
        second = others[0] if others else of._replace(batch_size=2 * of.batch_size)
        train, more = train_step(of), train_step(second)
        fits = largest_batch((of.per_chip, train["bytes"]), (second.per_chip, more["bytes"]), of.chip.memory)
        loop = compile_evaluation, missing_evaluations(settings.sample)
        answer = program_on(of, compile_counterfactual, settings, of.batch_size, *loop)
        bar.update()
        yield {
            "topology": of.topology,
            "chips": of.mesh.size,
            "memory_per_chip": of.chip.memory,
            "parameters": parameters,
            "batch_size": of.batch_size,
            "train": train | {"largest_batch": None if fits is None else fits * of.mesh.size},
            "counterfactual": answer | {"flops_per_image": answer["flops"] / of.per_chip},
        }
    bar.close()
