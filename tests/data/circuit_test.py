"""Two-hop effects: what the mechanisms learn from the circuit's labels reaches red through blue."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cdae_jax.data import circuit
from cdae_jax.data.labels import LabelStats
from cdae_jax.model.scm import Intervention, StructuralCausalModel
from cdae_jax.training.optimizer import apply_gradients

LABELS = circuit.draw_labels(4_000, np.random.default_rng(0))
STATS = LabelStats.of(LABELS, circuit.GRAPH)
SCM = StructuralCausalModel(circuit.GRAPH, block_dim=1, hidden=64, kind="affine")


def latents(labels):
    return jnp.asarray(STATS.standardise(labels))[..., None]


@pytest.fixture(scope="module")
def params():
    """Mechanisms that make the training labels likely."""
    z = latents(LABELS)
    fresh = SCM.init(jax.random.key(0), z[:1])
    tx = optax.adam(3e-3)

    @jax.jit
    def fit(params, opt_state):
        def step(carry, _):
            params, opt_state = carry

            def negative_log_likelihood(params):
                u = SCM.apply(params, z, method="abduct")
                _, log_scale = SCM.apply(params, z, method="conditionals")
                return jnp.mean(0.5 * u**2 + log_scale)

            params, opt_state, _ = apply_gradients(tx, jax.grad(negative_log_likelihood)(params), opt_state, params)
            return (params, opt_state), None

        return jax.lax.scan(step, (params, opt_state), None, length=300)[0]

    return fit(fresh, tx.init(fresh))[0]


def propagate(params, labels, **do):
    """Labels [N, 4] under do, by the learned mechanisms and each row's own noise."""
    mask, value = np.zeros(labels.shape, bool), np.array(labels)
    for name, wanted in do.items():
        column = circuit.GRAPH.index(name)
        mask[:, column], value[:, column] = True, wanted
    z = latents(labels)
    u = SCM.apply(params, z, method="abduct")
    after = SCM.apply(params, u, Intervention(jnp.asarray(mask), latents(value)))
    true = circuit.true_counterfactual(labels, mask, value.astype(np.float32))
    return STATS.physical(np.asarray(after)[..., 0]), true


def test_do_arm_moves_red_through_blue(params):
    # At 0.15 the arm presses the blue button and is far from the red one: only blue and green can move red.
    rows = LABELS[(LABELS[:, 0] > 0.9)][:200]
    assert circuit.press(0.15, "red") < 0.005 and circuit.press(rows[:, 0], "red").max() < 0.005
    blue, red = (circuit.GRAPH.index(name) for name in ("blue", "red"))
    do = functools.partial(propagate, params, rows)
    after, true = do(arm=0.15)
    moved = (after - rows).mean(0)
    assert moved[blue] > 0.3
    expected = (true - rows).mean(0)[red]
    held, held_true = do(arm=0.15, blue=rows[:, blue])
    through_blue, expected_through_blue = (after - held)[:, red].mean(), (true - held_true)[:, red].mean()
    assert expected_through_blue > 0.1
    assert through_blue == pytest.approx(expected_through_blue, abs=0.05)
    assert moved[red] == pytest.approx(expected, abs=0.05)


def test_do_blue_moves_red_and_nothing_else(params):
    after, true = propagate(params, LABELS[:200], blue=0.9)
    unmoved = [circuit.GRAPH.index("arm"), circuit.GRAPH.index("green")]
    np.testing.assert_allclose(after[:, unmoved], LABELS[:200][:, unmoved], atol=1e-5)
    red = circuit.GRAPH.index("red")
    assert (after - LABELS[:200])[:, red].mean() == pytest.approx((true - LABELS[:200])[:, red].mean(), abs=0.05)
