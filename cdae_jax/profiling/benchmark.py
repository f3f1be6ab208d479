"""How fast a config trains and answers on this machine, beside the matrix products that the machine can do.

FLOPs are those of the programs before the compiler optimises them, as XLA's CPU backend counts them (those of GPUs and
TPUs do not count); of a counterfactual those of the UNet alone, once for each evaluation. Context (the digit) is left
out.
"""

import os
import pathlib
import tempfile
import time
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.compiled import jit_once
from cdae_jax.counterfactual import algorithm
from cdae_jax.data.dataset import Split
from cdae_jax.data.pixels import to_unit
from cdae_jax.distributed import sharding
from cdae_jax.distributed.memory import peak_mib
from cdae_jax.errors import InputError
from cdae_jax.model.causal_diffae import CausalDiffAE, init_params
from cdae_jax.model.decoders import DECODERS
from cdae_jax.model.network import Network
from cdae_jax.settings.run import Settings
from cdae_jax.training.checkpoint import Checkpoints
from cdae_jax.training.loop import host_batches
from cdae_jax.training.step import Setup, mesh_of

MATMUL_SIZES = {"cpu": 1024}  # enough to keep the backend busy; 8192 for accelerators
PARTS = ("train", "counterfactual", "input")
ANSWERED = 64  # images of a counterfactual call, for each device


def seconds_of(function: Callable[[], object], budget: float) -> float:
    """Seconds of the shortest call of as many as fit into `budget` seconds, at least two, after one that compiles."""
    jax.block_until_ready(function())
    best, end, calls = np.inf, time.perf_counter() + budget, 0
    while calls < 2 or time.perf_counter() < end:
        begun = time.perf_counter()
        jax.block_until_ready(function())
        best, calls = min(best, time.perf_counter() - begun), calls + 1
    return best


def matmul_flops(dtype: str, budget: float) -> float:
    """FLOP/s of square matrix products on one device: of a dtype, and of the precision that JAX takes for it there."""
    size = MATMUL_SIZES.get(jax.default_backend(), 8192)
    a = jax.random.normal(jax.random.key(0), (size, size), jnp.dtype(dtype))
    multiply = jax.jit(jnp.matmul)
    return 2 * size**3 / seconds_of(lambda: multiply(a, a), budget)


def image_shape(settings: Settings) -> tuple[int, int, int]:
    """(H, W, C) of the config's images; those of one channel are MorphoMNIST's."""
    return settings.data.resolution, settings.data.resolution, 1 if settings.data.name == "morpho_mnist" else 3


def random_split(settings: Settings, num: int) -> Split:
    """Images and labels of the config's shapes, random: speed does not depend on what they show."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (num, *image_shape(settings)), np.uint8)
    return Split(images, rng.normal(size=(num, len(settings.graph))).astype(np.float32), np.zeros(num, np.int32))


def counting_device() -> jax.Device:
    """The CPU, for which programs are lowered to count their FLOPs. Raises InputError if JAX is to leave it out."""
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError as err:
        platforms = os.environ.get("JAX_PLATFORMS", "")
        says = f"JAX_PLATFORMS is {platforms!r}, without the CPU, whose backend counts FLOPs"
        raise InputError(f"{says}: use '{platforms},cpu'") from err


def flops_per_pass(model: CausalDiffAE, params, settings: Settings, batch: int) -> float:
    """FLOPs of one evaluation of the UNet on a batch; params may be shapes and types."""
    x = jnp.zeros((batch, *image_shape(settings)))
    z = jnp.zeros((batch, len(settings.graph), model.block_dim))
    draft = x if model.decoder.has_draft else None
    inputs = (x, jnp.zeros(batch), z, jnp.zeros(batch, jnp.int32), jnp.zeros(batch, bool), draft)
    shapes = jax.eval_shape(lambda *given: given, params, *inputs)
    with jax.default_device(counting_device()):
        return _flops(jax.jit(lambda params, *given: model.bind(params).unet(*given)).lower(*shapes))


def flops_per_step(settings: Settings) -> float:
    """FLOPs of a training step on a whole batch."""
    mesh = sharding.make_mesh(devices=[counting_device()])
    return _flops(Setup(settings, mesh, image_shape(settings)).lower(settings.train.batch_size))


def _flops(lowered) -> float:
    return float(lowered.cost_analysis()["flops"])


class TrainStep:
    """A compiled training step on random images; every call goes on from the last. `state` is that after the last call;
    `compile_seconds` are of compiling the step, or finding it in the cache."""

    def __init__(self, settings: Settings):
        mesh, num = sharding.make_mesh(settings.system.fsdp), settings.train.batch_size
        split, setup = random_split(settings, 4 * num), Setup(settings, mesh, image_shape(settings))
        self._batch = sharding.to_devices(next(host_batches(split, split.labels, 0, settings.train)), mesh)
        self.state = setup.first_state()
        lowered = setup.lower(num)
        begun = time.perf_counter()
        self._run = lowered.compile()
        self.compile_seconds = time.perf_counter() - begun

    def __call__(self):
        self.state, metrics = self._run(self.state, self._batch)
        return metrics


def step_seconds(settings: Settings, budget: float) -> float:
    """The shortest training step of as many as fit into `budget` seconds."""
    return seconds_of(TrainStep(settings), budget)


def train_speed(settings: Settings, budget: float) -> dict[str, float]:
    """Compile seconds, step seconds and FLOPs of a training step; seconds of one that starts saving a checkpoint."""
    step = TrainStep(settings)
    seconds = seconds_of(step, budget)
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(pathlib.Path(folder))
        begun = time.perf_counter()
        checkpoints.save(1, step.state.replace(ema=None), step.state.ema)
        jax.block_until_ready(step())
        stalled = time.perf_counter() - begun
        checkpoints.wait()
        checkpoints.close()
    return {
        "compile_seconds": step.compile_seconds,
        "step_seconds": seconds,
        "images_per_second": settings.train.batch_size / seconds,
        "flops": flops_per_step(settings),
        "step_with_save_seconds": stalled,
    }


def answer_speed(settings: Settings, budget: float) -> dict[str, float]:
    """Seconds per image and FLOPs of counterfactuals, ANSWERED images to a device."""
    model, key, sampling = settings.make_model(0), jax.random.key(0), settings.sampling
    num = ANSWERED * len(jax.local_devices())
    params = jit_once(lambda key: init_params(model, key, image_shape(settings)))(key)
    net = Network(model, params, settings.make_schedule())
    t = jnp.asarray(settings.steps(net.schedule, sampling))
    split, y_do = random_split(settings, num), np.full((num, len(settings.graph)), np.nan, np.float32)
    y_do[:, 0] = 1
    given = {"x": np.asarray(to_unit(split.images)), "y_do": y_do, "context": split.context}
    given = sharding.to_devices(given, sharding.make_mesh(devices=jax.local_devices()))
    seconds = seconds_of(lambda: algorithm.counterfactual(net, **given, t=t, key=key, sampling=sampling), budget)
    flops = sampling.evaluations * flops_per_pass(model, params, settings, num)
    asked = {"seconds_per_image": seconds / num, "evaluations": sampling.evaluations}
    return asked | {"flops": flops, "seconds": seconds}


def input_speed(settings: Settings, budget: float) -> float:
    """Images per second that become batches, without a step that takes them."""
    split, done, begun = random_split(settings, 10_000), 0, time.perf_counter()
    for batch in host_batches(split, split.labels, 0, settings.train):
        done += len(batch["image"])
        if time.perf_counter() - begun > budget:
            break
    return done / (time.perf_counter() - begun)


def benchmark(settings: Settings, budget: float, parts: Sequence[str] = PARTS) -> dict:
    """Some of PARTS, each for about `budget` seconds, and the shares of the matrix product's FLOP/s. Raises InputError
    for an unknown part, a batch that the devices cannot share, or counterfactuals of a conv decoder."""
    for part in parts:
        if part not in PARTS:
            raise InputError(f"there is no part {part!r} of the benchmark: expected some of {', '.join(PARTS)}")
    if not DECODERS[settings.model.decoder].diffuses and "counterfactual" in parts:
        says = 'config.model.decoder is "conv", and the benchmark measures counterfactuals of diffusion decoders alone'
        raise InputError(f"{says}: leave them out with --parts=train,input")
    mesh_of(settings)
    counting_device()
    devices = 1 if jax.default_backend() == "cpu" else len(jax.devices())  # one product keeps all cores busy
    peak = matmul_flops(settings.system.dtype, budget) * devices
    measures = {"train": (train_speed, "step_seconds"), "counterfactual": (answer_speed, "seconds")}
    found = {name: measure(settings, budget) for name, (measure, _) in measures.items() if name in parts}
    peak = max(peak, matmul_flops(settings.system.dtype, budget) * devices)  # it may have been busy at first
    for name, measured in found.items():
        measured["share_of_matmul"] = measured["flops"] / measured[measures[name][1]] / peak
    if "input" in parts:
        found["input_images_per_second"] = input_speed(settings, budget)
    device = f"{len(jax.devices())} x {jax.devices()[0].device_kind}"
    return {"device": device, "matmul_flops_per_second": peak, **found, "peak_mib": peak_mib()}
