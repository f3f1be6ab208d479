"""The optimiser: its learning rate over the run, its clipping, and what it leaves alone."""

import collections
import dataclasses

import jax
import jax.numpy as jnp
import pytest
from short_runs import settings_with

from cdae_jax.distributed.sharding import make_mesh
from cdae_jax.training.muon import step_of
from cdae_jax.training.optimizer import CLIP_NORM, WEIGHT_DECAY, _kinds, apply_gradients, make_optimizer
from cdae_jax.training.step import Setup

TRAIN = dataclasses.replace(settings_with().train, learning_rate=0.1, warmup_steps=4, steps=20, mechanisms="objective")
PARAMS = {"params": {"encoder": jnp.full(3, 0.5), "scm": jnp.full(3, 0.5)}}


def updates_of(train, steps=1, size=1.0, start=0):
    """What each step adds to the parameters, with the same gradient in all steps; params and gradients are constant."""
    tx = make_optimizer(train, start)
    gradient = jax.tree.map(lambda leaf: size * jnp.ones_like(leaf), PARAMS)
    state, found = tx.init(PARAMS), []
    for _ in range(steps):
        params, state = apply_gradients(tx, gradient, state, PARAMS)
        updates = jax.tree.map(jnp.subtract, params, PARAMS)
        found.append({name: float(update[0]) for name, update in updates["params"].items()})
    return found


@pytest.mark.parametrize("decay", [True, False])
def test_the_rate_rises_from_0_and_then_falls_to_0_or_stays(decay):
    steps = [update["encoder"] for update in updates_of(dataclasses.replace(TRAIN, decay=decay), 20)]
    full = -0.1  # Adam's step of a constant gradient has length 1
    assert steps[:4] == pytest.approx([0, full / 4, full / 2, 3 * full / 4], rel=1e-3)
    if decay:
        assert steps[4] == pytest.approx(full, rel=1e-3) and steps[12] == pytest.approx(full / 2, rel=1e-3)
        assert sorted(steps[4:]) == steps[4:] and abs(steps[-1]) < 0.02 * abs(full)
    else:
        assert steps[4:] == pytest.approx([full] * 16, rel=1e-3)


def test_a_later_segment_has_its_own_rise_and_fall():
    steps = [update["encoder"] for update in updates_of(dataclasses.replace(TRAIN, steps=30), 30, start=10)]
    alone = [update["encoder"] for update in updates_of(TRAIN, 20)]
    assert steps[:11] == [0.0] * 11  # warm-up of a segment that begins there
    assert steps[10:] == pytest.approx(alone, rel=1e-3)


def test_without_warm_up_the_first_step_is_the_longest():
    (first,) = updates_of(dataclasses.replace(TRAIN, warmup_steps=0))
    assert first["encoder"] == pytest.approx(-0.1, rel=1e-3)


def test_a_run_may_be_shorter_than_its_warm_up():
    steps = [update["encoder"] for update in updates_of(dataclasses.replace(TRAIN, steps=2), 2)]
    assert steps[0] == 0 > steps[1]


def test_gradients_are_clipped_by_their_common_norm():
    tx = make_optimizer(dataclasses.replace(TRAIN, warmup_steps=0))
    gradient = {"params": {"encoder": jnp.array([3.0, 0, 0]), "scm": jnp.array([0, 4.0, 0])}}
    _, state = apply_gradients(tx, gradient, tx.init(PARAMS), PARAMS)
    moments = [leaf for leaf in jax.tree.leaves(state) if leaf.shape == (3,)][:2]
    assert jnp.allclose(jnp.stack(moments), 0.1 * CLIP_NORM * jnp.array([[0.6, 0, 0], [0, 0.8, 0]]))


def test_kernels_take_steps_of_muon_and_the_rest_of_adam():
    """And weights decay in kernels alone."""
    params = {"params": {"encoder": {"kernel": jnp.eye(4), "bias": jnp.ones(4), "table": jnp.ones((4, 4))}}}
    gradient = {"params": {"encoder": {"kernel": jnp.eye(4), "bias": jnp.ones(4), "table": jnp.eye(4)}}}
    tx = make_optimizer(dataclasses.replace(TRAIN, warmup_steps=0, mechanisms="labels"))
    moved, _ = apply_gradients(tx, gradient, tx.init(params), params)
    kernel, rest = moved["params"]["encoder"].pop("kernel"), moved["params"]["encoder"]
    by_one = (1 - 0.1 * WEIGHT_DECAY) * jnp.eye(4) + 0.1 * -step_of(jnp.eye(4))
    assert jnp.allclose(kernel, by_one, atol=1e-6) and abs(jnp.diag(step_of(jnp.eye(4)))).min() > 0.2
    assert jnp.allclose(rest["bias"], 0.9, atol=1e-4) and jnp.allclose(rest["table"], 1 - 0.1 * jnp.eye(4), atol=1e-4)


def test_most_of_a_model_is_kernels():
    settings = settings_with()
    shapes = Setup(settings, make_mesh(), (16, 16, 3)).abstract.params
    kinds = zip(jax.tree.leaves(shapes), jax.tree.leaves(_kinds(shapes)), strict=True)
    counted = collections.Counter()
    for leaf, kind in kinds:
        counted[kind] += leaf.size
    assert counted["kernel"] > 20 * counted["other"]


def test_mechanisms_fitted_to_labels_stay_and_shorten_no_other_step():
    free = dataclasses.replace(TRAIN, warmup_steps=0)
    (learned,), (fitted,) = (updates_of(dataclasses.replace(free, mechanisms=how)) for how in ("objective", "labels"))
    assert fitted["scm"] == 0 > learned["scm"] and fitted["encoder"] == pytest.approx(learned["encoder"], rel=1e-5)


def test_the_mechanisms_are_what_the_model_calls_scm():
    settings = settings_with()
    model = settings.make_model(0)
    arguments = (jnp.zeros((1, 16, 16, 3)), jnp.zeros(1), jnp.zeros(1, jnp.int32), jnp.zeros(1, bool))
    assert "scm" in jax.eval_shape(model.init, jax.random.key(0), *arguments)["params"]
