"""The circuit look-alike: its lamps, pixels and true counterfactuals, and mechanisms that learn its two-hop effects."""

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

CIRCUITS = circuit.draw_labels(400, np.random.default_rng(2))
LABELS = circuit.draw_labels(4_000, np.random.default_rng(0))
STATS = LabelStats.of(LABELS, circuit.GRAPH)
SCM = StructuralCausalModel(circuit.GRAPH, block_dim=1, hidden=64, kind="affine")


def test_circuit_lamps_follow_their_stated_distribution():
    arm = np.full(20_000, 0.5)  # right above the red button
    quantiles = np.random.default_rng(0).uniform(size=(20_000, 3))
    blue, green, red = circuit.lamps(arm, quantiles).T
    m = 0.2 + 0.6 * np.exp(-((0.35 / 0.15) ** 2))
    for lamp in (blue, green):
        assert abs(lamp.mean() - m) < 0.005
        assert abs(lamp.var() - m * (1 - m) / 6) < 0.002  # Beta(5 m, 5 (1 - m))
    assert abs(red.mean() - 0.8) < 0.005


def test_circuit_labels_are_read_from_pixels_in_any_combination():
    for labels in (CIRCUITS, circuit.decorrelate(np.zeros((1, 32, 32, 3)), CIRCUITS, np.random.default_rng(0))[1]):
        for resolution in (32, 64):
            gap = np.abs(circuit.measure(circuit.render(labels, resolution)) - labels)
            assert gap.max() < 0.005


def test_circuit_counterfactuals_take_both_paths_and_keep_the_noise():
    def do(name, value):
        mask = np.tile([name == other for other in circuit.GRAPH.names], (len(CIRCUITS), 1))
        return circuit.true_counterfactual(CIRCUITS, mask, np.full(CIRCUITS.shape, value, np.float32))

    blue_set = do("blue", 0.9)
    np.testing.assert_array_equal(blue_set[:, [0, 2]], CIRCUITS[:, [0, 2]])
    assert (blue_set[:, 3] >= CIRCUITS[:, 3] - 1e-5)[CIRCUITS[:, 1] < 0.9].all()  # more light, more red
    # Away from the red button the arm moves red through blue and green alone: a two-hop effect.
    far = do("arm", 0.15)
    assert circuit.press(0.15, "red") < 0.005
    assert np.abs(far[:, 3] - CIRCUITS[:, 3]).mean() > 0.05
    np.testing.assert_allclose(do("arm", CIRCUITS[0, 0])[0], CIRCUITS[0], atol=1e-5)


def test_what_is_set_carries_its_effects():
    data = circuit.make_lookalike(32, 300, 20, 0, interventional_share=1.0)
    plain = circuit.make_lookalike(32, 300, 20, 0)
    only_blue = data.train.intervened[:, 1] & ~data.train.intervened[:, 3]
    red_before, red_after = (split.labels[only_blue, 3] for split in (plain.train, data.train))
    blue_up = data.train.labels[only_blue, 1] > plain.train.labels[only_blue, 1]
    same_green = ~data.train.intervened[only_blue, 2]
    assert (red_after[blue_up & same_green] >= red_before[blue_up & same_green] - 1e-6).all()
    assert (red_after != red_before).any()


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
        def step(carry, batch):
            params, opt_state = carry

            def negative_log_likelihood(params):
                u, log_slope = SCM.apply(params, batch, method=lambda scm, z: scm.conditionals(z).u_of(z))
                return jnp.mean(0.5 * u**2 + log_slope)

            params, opt_state = apply_gradients(tx, jax.grad(negative_log_likelihood)(params), opt_state, params)
            return (params, opt_state), None

        return jax.lax.scan(step, (params, opt_state), jnp.tile(z.reshape(10, 400, 4, 1), (40, 1, 1, 1)))[0]

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
