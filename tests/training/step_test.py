"""A step in parts: averages, keys, weights, and gradients added up over microbatches."""

import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from short_runs import settings_with

from cdae_jax.distributed import sharding
from cdae_jax.training.optimizer import make_optimizer
from cdae_jax.training.step import (
    INIT_STREAM,
    STEP_STREAM,
    Setup,
    ema_decay_at,
    init_state,
    loss_and_gradient,
    loss_weights,
    split_rows,
    stream_key,
)

pytestmark = pytest.mark.usefixtures("one_device_alone")


def test_ema_ramps_up():
    steps = jnp.array([0, 90, 10**6], jnp.int32)
    np.testing.assert_allclose(ema_decay_at(steps, 0.999), [0.1, 0.91, 0.999], rtol=1e-6)


def test_no_two_streams_seeds_or_steps_have_a_key_in_common():
    keys = {
        tuple(np.asarray(jax.random.key_data(jax.random.fold_in(stream_key(seed, stream), step))))
        for seed, stream, step in itertools.product((0, 1), (INIT_STREAM, STEP_STREAM), (0, 1))
    }
    assert len(keys) == 8


def test_the_weights_are_the_settings_of_the_same_names():
    weights = loss_weights(settings_with(train={"gamma": 0.5, "condition": "mixed", "condition_drop": 0.25}).train)
    assert (weights.gamma, weights.condition, weights.condition_drop) == (0.5, "mixed", 0.25)


@pytest.mark.parametrize(("parts", "together"), [(2, 1), (4, 1), (2, 2)])
def test_parts_of_a_batch_have_rows_of_every_device_and_keep_neighbours(parts, together):
    rows = jnp.arange(16)
    found = np.asarray(split_rows({"x": rows}, parts, together)["x"])
    assert found.shape == (parts, 16 // parts) and sorted(found.ravel()) == list(range(16))
    devices = found // 4  # of four, with four neighbours each
    assert all(set(part) == {0, 1, 2, 3} for part in devices)
    assert (
        found.reshape(parts, -1, together) // together == found.reshape(parts, -1, together)[..., :1] // together
    ).all()


@pytest.mark.parametrize("microbatches", [1, 2, 4])
def test_microbatches_add_up_to_the_loss_and_gradient_of_the_whole(microbatches):
    batch, draws = {"x": jnp.arange(8.0)}, jnp.linspace(0, 1, 8)

    def loss_of(weight, batch, draws):
        terms = {"square": jnp.sum((weight * batch["x"] - draws) ** 2) / 8}  # a share of the whole
        return terms["square"], terms

    weight = jnp.float32(0.7)
    (loss, terms), gradient = loss_and_gradient(loss_of, weight, batch, draws, microbatches, 1)
    (whole, _), expected = jax.value_and_grad(loss_of, has_aux=True)(weight, batch, draws)
    np.testing.assert_allclose([loss, terms["square"], gradient], [whole, whole, expected], rtol=1e-6)


class Linear(nn.Module):
    """The least of models that can be initialised as ours is."""

    @nn.compact
    def __call__(self, x, time, context, drop):
        return nn.Dense(2)(x)


def test_a_state_starts_with_its_average_and_depends_on_the_seed():
    tx = make_optimizer(settings_with().train)
    first, again, other = (init_state(Linear(), tx, (4, 4, 3), seed) for seed in (0, 0, 1))
    assert first.step == 0
    jax.tree.map(np.testing.assert_array_equal, first.params, first.ema)
    jax.tree.map(np.testing.assert_array_equal, first.params, again.params)
    kernels = [state.params["params"]["Dense_0"]["kernel"] for state in (first, other)]
    assert (kernels[0] != kernels[1]).any()


def test_a_lowered_step_takes_and_gives_the_state_where_it_lies():
    settings = settings_with()
    setup = Setup(settings, sharding.make_mesh(), (16, 16, 3))
    lowered = setup.lower(16)
    (given, batch), _ = lowered.args_info
    assert all(leaf.donated for leaf in jax.tree.leaves(given))
    assert {name: leaf.shape for name, leaf in batch.items()} == {
        "image": (16, 16, 16, 3),
        "y": (16, 4),
        "context": (16,),
        "intervened": (16, 4),
    }
    after, metrics = lowered.out_info
    assert jax.tree.map(lambda leaf: leaf.shape, after) == jax.tree.map(lambda leaf: leaf.shape, setup.abstract)
    assert {"loss", "decoder", "kl_u", "kl_z", "grad_norm"} == set(metrics)
