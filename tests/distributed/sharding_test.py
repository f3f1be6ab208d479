"""The training step on one device and on eight: whole or shared state, whole or split batches, the same numbers."""

import re

import chex
import jax
import numpy as np
import optax
import pytest

from cdae_jax.data.labels import LabelStats
from cdae_jax.data.pipeline import make_dataset
from cdae_jax.distributed import sharding
from cdae_jax.errors import InputError
from cdae_jax.settings.run import Settings
from cdae_jax.training import loop as train
from cdae_jax.training import step
from configs.pendulum import get_config

SHAPE = (16, 16, 3)
COLLECTIVES = ("all-gather", "all-reduce", "reduce-scatter", "all-to-all", "collective-permute")


def settings_with(**changes):
    config = get_config("smoke")
    small = {"unet_multipliers": (1,), "encoder_multipliers": (1,), "min_shard_mib": 0.0}  # compiles faster
    for name, value in {**small, **changes}.items():
        section = config.model if name in config.model else config.train
        section[name] = value
    return Settings.from_dict(config.to_dict())


def batches(settings, num):
    dataset = make_dataset(settings.data, settings.graph)
    y = LabelStats.of(dataset.train.labels, settings.graph).standardise(dataset.train.labels)
    y[::3, 1] = np.nan  # unequal label counts on the devices
    y[1::2] = np.where(np.arange(len(y[1::2]))[:, None] % 5 == 0, np.nan, y[1::2])
    return [
        batch for _, batch in zip(range(num), train.host_batches(dataset.train, y, 0, settings.train), strict=False)
    ]


def compiled(settings, devices):
    """A state and a step on a mesh."""
    mesh = sharding.make_mesh(settings.train.fsdp if len(devices) > 1 else 1, devices)
    model, tx = settings.make_model(0), optax.sgd(0.05)  # Adam would blow rounding at zero up to the learning rate

    def init():
        return step.init_state(model, tx, SHAPE, 0)

    shardings = sharding.state_shardings(jax.eval_shape(init), mesh, settings.train.min_shard_mib)
    state = jax.jit(init, out_shardings=shardings)()
    return mesh, state, step.jit_train_step(settings, model, tx, mesh, shardings)


def three_steps(settings, devices):
    mesh, state, run = compiled(settings, devices)
    losses = []
    for batch in batches(settings, 3):
        state, metrics = run(state, sharding.to_devices(batch, mesh))
        losses.append({name: float(value) for name, value in metrics.items()})
    return losses, jax.device_get(state.params)


@pytest.fixture(scope="module")
def alone():
    return three_steps(settings_with(), jax.devices()[:1])


@pytest.mark.parametrize(
    ("changes", "num"),
    [
        ({}, 8),
        ({"fsdp": 8}, 8),
        ({"fsdp": 4, "microbatches": 2}, 8),
        ({"microbatches": 4, "remat": True}, 1),
    ],
    ids=str,
)
def test_every_arrangement_takes_the_same_steps(alone, changes, num):
    losses, params = three_steps(settings_with(**changes), jax.devices()[:num])
    for here, there in zip(losses, alone[0], strict=True):
        for name in here:
            assert here[name] == pytest.approx(there[name], rel=2e-4), name
    chex.assert_trees_all_close(params, alone[1], atol=2e-5)


def test_a_unet_that_sees_half_of_the_images_sees_the_same_half_everywhere():
    refining = {"decoder": "refiner", "refine_every": 2}
    losses, params = three_steps(settings_with(**refining), jax.devices()[:1])
    parts, there = three_steps(settings_with(**refining, microbatches=2), jax.devices()[:4])
    assert parts[-1] == pytest.approx(losses[-1], rel=2e-4)
    chex.assert_trees_all_close(there, params, atol=2e-5)
    assert set(collectives(settings_with(**refining), jax.devices())) == {"all-reduce"}


def test_a_shared_state_takes_an_eighth_of_the_memory_but_for_small_leaves():
    _, state, _ = compiled(settings_with(fsdp=8), jax.devices())
    whole = small = here = 0
    for leaf in jax.tree.leaves(state):
        whole += leaf.nbytes
        small += leaf.nbytes if leaf.sharding.is_fully_replicated else 0
        here += leaf.addressable_shards[0].data.nbytes
    assert here == small + (whole - small) // 8
    assert here <= 0.25 * whole


def test_leaves_under_the_limit_and_biases_stay_whole():
    _, state, _ = compiled(settings_with(fsdp=8, min_shard_mib=1000.0), jax.devices())
    assert all(leaf.sharding.is_fully_replicated for leaf in jax.tree.leaves(state))
    _, state, _ = compiled(settings_with(fsdp=8), jax.devices())
    split = {
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
        if not leaf.sharding.is_fully_replicated
    }
    assert any(name.endswith("kernel") for name in split) and not any(name.endswith("bias") for name in split)
    assert {name.replace("ema", "params", 1) for name in split if name.startswith("ema")} <= split


def collectives(settings, devices):
    """Name -> how often it occurs in the compiled step, and the number of elements of the largest result."""
    mesh, state, run = compiled(settings, devices)
    text = run.lower(state, sharding.to_devices(batches(settings, 1)[0], mesh)).compile().as_text()
    found = {}
    for shape, name in re.findall(rf"= \(?\w+\[([\d,]*)\][^=]*? ({'|'.join(COLLECTIVES)})\(", text):
        size = int(np.prod([int(n) for n in shape.split(",") if n]))
        count, largest = found.get(name, (0, 0))
        found[name] = (count + 1, max(largest, size))
    return found


def test_data_parallel_steps_reduce_gradients_and_gather_nothing():
    found = collectives(settings_with(), jax.devices())
    assert set(found) == {"all-reduce"}


def test_a_shared_state_is_gathered_and_no_activation_is():
    settings = settings_with(fsdp=8)
    found = collectives(settings, jax.devices())
    assert "all-gather" in found and "all-to-all" not in found
    _, state, _ = compiled(settings, jax.devices())
    assert found["all-gather"][1] <= max(leaf.size for leaf in jax.tree.leaves(state))


def test_bfloat16_computes_near_float32_and_keeps_float32_parameters(alone):
    losses, params = three_steps(settings_with(dtype="bfloat16"), jax.devices()[:1])
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(params))
    assert losses[0]["loss"] == pytest.approx(alone[0][0]["loss"], rel=0.02)
    assert losses[0]["loss"] != alone[0][0]["loss"]


@pytest.mark.parametrize(
    ("fsdp", "batch", "microbatches", "message"),
    [
        (3, 16, 1, "config.train.fsdp is 3, which does not divide the 8 devices"),
        (1, 12, 1, "the batch size 12 is not a multiple of the 8 devices: change it"),
        (1, 16, 4, "the batch size 16 is not a multiple of the 8 devices times 4 microbatches"),
    ],
)
def test_what_the_devices_cannot_share_is_refused(tmp_path, fsdp, batch, microbatches, message):
    settings = settings_with(fsdp=fsdp, batch_size=batch, microbatches=microbatches)
    with pytest.raises(InputError, match=message):
        train.train_model(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_batch_of_too_few_images_for_the_unet_is_refused(tmp_path):
    settings = settings_with(decoder="refiner", batch_size=16, refine_every=4)
    with pytest.raises(InputError, match="batch size 16 is not .* 8 devices times 4 of config.train.refine_every"):
        train.train_model(settings, tmp_path / "run")
