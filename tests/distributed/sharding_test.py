"""The training step on one device and on eight: whole or shared state, whole or split batches, the same numbers."""

import re

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec
from networks import SHAPE, filled
from short_runs import dataset_of, settings_with

from cdae_jax.data.labels import LabelStats
from cdae_jax.distributed import sharding
from cdae_jax.errors import InputError
from cdae_jax.model.causal_diffae import init_params
from cdae_jax.training.loop import host_batches
from cdae_jax.training.step import Setup, TrainState, init_state, jit_train_step

COLLECTIVES = ("all-gather", "all-reduce", "reduce-scatter", "all-to-all", "collective-permute")
TX = optax.sgd(0.05)  # Adam would blow rounding at zero up to the learning rate


def batches(settings, num):
    dataset = dataset_of(settings)
    y = LabelStats.of(dataset.train.labels, settings.graph).standardise(dataset.train.labels)
    y[::3, 1] = np.nan  # unequal label counts on the devices
    y[1::2] = np.where(np.arange(len(y[1::2]))[:, None] % 5 == 0, np.nan, y[1::2])
    return [batch for _, batch in zip(range(num), host_batches(dataset.train, y, 0, settings.train), strict=False)]


def abstract_state(settings):
    return jax.eval_shape(lambda: init_state(settings.make_model(0), TX, SHAPE, 0))


def collectives(text):
    """Name -> how often it occurs in a compiled step, and the number of elements of the largest result."""
    found = {}
    for shape, name in re.findall(rf"= \(?\w+\[([\d,]*)\][^=]*? ({'|'.join(COLLECTIVES)})\(", text):
        size = int(np.prod([int(n) for n in shape.split(",") if n]))
        count, largest = found.get(name, (0, 0))
        found[name] = (count + 1, max(largest, size))
    return found


def three_steps(settings, devices):
    """Metrics of every step, the parameters after them, and the collectives in one."""
    mesh = sharding.make_mesh(settings.system.fsdp if len(devices) > 1 else 1, devices)
    model = settings.make_model(0)
    shardings = sharding.state_shardings(abstract_state(settings), mesh, 0.0)
    params = filled(lambda: init_params(model, jax.random.key(0), SHAPE))
    state = jax.device_put(TrainState(jnp.int32(0), params, jax.tree.map(jnp.copy, params), TX.init(params)), shardings)
    given = [sharding.to_devices(batch, mesh) for batch in batches(settings, 3)]
    step = jit_train_step(settings, model, TX, mesh, shardings).lower(state, given[0]).compile()
    found, losses = collectives(step.as_text()), []
    for batch in given:
        state, metrics = step(state, batch)
        losses.append({name: float(value) for name, value in metrics.items()})
    return losses, jax.device_get(state.params), found


def assert_same(some, others):
    for here, there in zip(some[0], others[0], strict=True):
        assert here == pytest.approx(there, rel=2e-4)
    chex.assert_trees_all_close(some[1], others[1], atol=2e-5)


@pytest.fixture(scope="module")
def alone():
    return three_steps(settings_with(), jax.devices()[:1])


def test_eight_devices_take_the_same_steps_and_reduce_gradients_alone(alone):
    found = three_steps(settings_with(), jax.devices())
    assert_same(found, alone)
    assert set(found[2]) == {"all-reduce"}


def test_a_shared_state_microbatches_and_blocks_computed_twice_take_the_same_steps(alone):
    """The state is gathered, and no activation is."""
    settings = settings_with(system={"fsdp": 8, "microbatches": 2, "remat": True})
    found = three_steps(settings, jax.devices())
    assert_same(found, alone)
    assert "all-gather" in found[2] and "all-to-all" not in found[2]
    assert found[2]["all-gather"][1] <= max(leaf.size for leaf in jax.tree.leaves(abstract_state(settings)))


def test_a_unet_that_sees_half_of_the_images_sees_the_same_half_everywhere():
    refining = {"model": {"decoder": "refiner"}, "train": {"refine_every": 2}}
    settings = [settings_with("smoke,method=aligned", **refining, system={"microbatches": num}) for num in (1, 2)]
    whole, parts = three_steps(settings[0], jax.devices()[:1]), three_steps(settings[1], jax.devices()[:4])
    assert_same(parts, whole)
    assert set(parts[2]) == {"all-reduce"}  # no row has to move


def test_bfloat16_computes_near_float32_and_keeps_float32_parameters(alone):
    losses, params, _ = three_steps(settings_with(system={"dtype": "bfloat16"}), jax.devices()[:1])
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(params))
    assert losses[0]["loss"] == pytest.approx(alone[0][0]["loss"], rel=0.02)
    assert losses[0]["loss"] != alone[0][0]["loss"]


def test_a_shared_state_takes_an_eighth_of_the_memory_but_for_small_leaves():
    state, mesh = abstract_state(settings_with()), sharding.make_mesh(8)
    whole = small = here = 0
    for leaf, where in zip(*map(jax.tree.leaves, (state, sharding.state_shardings(state, mesh, 0.0))), strict=True):
        num_bytes = leaf.size * leaf.dtype.itemsize
        whole += num_bytes
        small += num_bytes if where.is_fully_replicated else 0
        here += np.prod(where.shard_shape(leaf.shape)) * leaf.dtype.itemsize
    assert here == small + (whole - small) // 8
    assert here <= 0.25 * whole


def test_leaves_under_the_limit_and_biases_stay_whole():
    state, mesh = abstract_state(settings_with()), sharding.make_mesh(8)
    assert all(
        where.is_fully_replicated for where in jax.tree.leaves(sharding.state_shardings(state, mesh))
    )  # of 1 MiB
    split = {
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, where in jax.tree_util.tree_leaves_with_path(sharding.state_shardings(state, mesh, 0.0))
        if not where.is_fully_replicated
    }
    assert any(name.endswith("kernel") for name in split) and not any(name.endswith("bias") for name in split)
    assert {name.replace("ema", "params", 1) for name in split if name.startswith("ema")} <= split


def test_a_leaf_is_split_along_the_largest_axis_that_the_devices_divide():
    def spec_of(shape, mesh=None):
        leaf = {"kernel": jax.ShapeDtypeStruct(shape, np.float32)}
        return sharding.state_shardings(leaf, mesh or sharding.make_mesh(4), 0.0)["kernel"].spec

    assert spec_of((3, 8, 16)) == PartitionSpec(None, None, "fsdp")
    assert spec_of((3, 8, 18)) == PartitionSpec(None, "fsdp", None)
    assert spec_of((3, 5)) == spec_of((8, 8), sharding.make_mesh(1)) == PartitionSpec()


def test_rows_are_split_over_all_devices():
    mesh = sharding.make_mesh(4)
    assert mesh.shape == {"data": 2, "fsdp": 4}
    batch = sharding.to_devices({"x": np.arange(16.0).reshape(16, 1)}, mesh)["x"]
    assert {shard.data.shape for shard in batch.addressable_shards} == {(2, 1)}
    abstract = sharding.abstract_rows(mesh, 16, (1,), np.float64)
    assert abstract.shape == (16, 1) and abstract.sharding == batch.sharding


@pytest.mark.parametrize("fsdp", [0, 3])
def test_a_mesh_that_the_devices_cannot_make_is_refused(fsdp):
    with pytest.raises(InputError, match=f"config.system.fsdp is {fsdp}, which does not divide the 8 devices: change"):
        sharding.make_mesh(fsdp)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((12, 1, 1), "the batch size 12 is not a multiple of the 8 devices: change it"),
        ((16, 4, 1), "the batch size 16 is not a multiple of the 8 devices times 4 microbatches: change it"),
        ((32, 1, 8), "the batch size 32 is not a multiple of the 8 devices times 8 of config.train.refine_every"),
        ((32, 2, 4), "times 2 microbatches times 4 of config.train.refine_every"),
    ],
)
def test_a_batch_that_the_devices_cannot_share_is_refused(given, message):
    sharding.check_batch_size(64, 2, 4, sharding.make_mesh())
    with pytest.raises(InputError, match=message):
        sharding.check_batch_size(*given, sharding.make_mesh())


def test_devices_share_the_work_of_the_optimiser_too():
    """What they share within it is tests/training/muon_test.py's."""
    meshes = (sharding.make_mesh(devices=jax.devices()[:num]) for num in (8, 1))
    shared, alone = (Setup(settings_with(), mesh, SHAPE).lower(16).as_text() for mesh in meshes)
    assert shared.count("sharding_constraint") > 9 + alone.count("sharding_constraint")  # three a shape
