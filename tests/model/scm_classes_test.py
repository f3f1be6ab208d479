"""Effects that are classes within the causal model: what changes them, how often, and what they leave as it was."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from class_effects import ALONE, GRAPH, HEAT, ON, SIZE, STATE, classes_of, log_p, off_by
from networks import filled

from cdae_jax.model.prior import class_codes
from cdae_jax.model.scm import Intervention, StructuralCausalModel

K, NUM = 4, 2_000
CODES = np.asarray(class_codes(3, K))
kinds = pytest.mark.parametrize("kind", ["additive", "one_hop"])


@functools.cache
def make(kind="additive"):
    """A causal model whose classes depend on their causes, and u [NUM, n, K] whose classes follow their law."""
    scm = StructuralCausalModel(GRAPH, block_dim=K, hidden=8, kind=kind)
    drawn = jax.random.normal(jax.random.key(0), (NUM, len(GRAPH), K))
    params = filled(lambda: scm.init(jax.random.key(0), drawn), size=3.0)
    near = 0.1 * jax.random.normal(jax.random.key(2), drawn.shape)  # as classes are read, beside their codes
    for _ in range(2):  # the second time as effects of what is read
        u = scm.apply(params, drawn, key=jax.random.key(1)).at[:, SIZE].set(drawn[:, SIZE])
        drawn = drawn.at[:, (ON, STATE)].set((u + near)[:, (ON, STATE)])
    return scm, params, u


def propagate(do=None, kind="additive", **options):
    scm, params, u = make(kind)
    return np.asarray(scm.apply(params, u, do, **options))


def do_on(i, value, strength=None):
    mask = jnp.zeros((NUM, len(GRAPH)), bool).at[:, i].set(True)
    return Intervention(mask, jnp.broadcast_to(jnp.asarray(value, jnp.float32), (NUM, len(GRAPH), K)), strength)


def p_of(i, z):
    return np.exp(log_p(make()[1]["params"], i, z))


@kinds
def test_without_do_a_class_is_what_was_read_whatever_its_causes(kind):
    scm, params, u = make(kind)
    z = propagate(kind=kind)
    np.testing.assert_array_equal(z[:, (ON, STATE)], u[:, (ON, STATE)])
    np.testing.assert_array_equal(scm.apply(params, z, method="abduct")[:, (ON, STATE)], u[:, (ON, STATE)])
    conditionals = scm.apply(params, z, method="conditionals")
    assert not np.asarray(conditionals.shift)[:, (ON, STATE)].any()
    assert not np.asarray(conditionals.log_scale)[:, (ON, STATE)].any()
    jacobian = jax.jacobian(lambda u: scm.apply(params, u[None])[0])(u[0])
    expected = np.eye(len(GRAPH), dtype=bool)
    expected[SIZE, STATE] = True
    np.testing.assert_array_equal(np.asarray(jacobian).any((1, 3)), expected)


@kinds
def test_do_on_a_cause_changes_classes_to_codes_and_leaves_the_others_bitwise_equal(kind):
    before, after = propagate(kind=kind), propagate(do_on(HEAT, 1.5), kind)
    for i, codes in ((STATE, CODES), (ON, np.array([[-1.0] * K, [1.0] * K]))):
        changed = classes_of(i, before) != classes_of(i, after)
        assert 0.1 < changed.mean() < 0.9
        np.testing.assert_array_equal(after[~changed, i], before[~changed, i])
        np.testing.assert_array_equal(after[changed, i], codes.astype(np.float32)[classes_of(i, after)[changed]])
    is_other = classes_of(STATE, before) != classes_of(STATE, after)
    moved = (before[:, SIZE] != after[:, SIZE]).any(1)
    np.testing.assert_array_equal(moved, np.zeros(NUM, bool) if kind == "one_hop" else is_other)
    np.testing.assert_array_equal(before[:, ALONE], after[:, ALONE])


@kinds
@pytest.mark.parametrize(("i", "kept"), [(SIZE, (ON, STATE, HEAT, ALONE)), (STATE, (HEAT, ALONE)), (ON, (STATE, SIZE))])
def test_classes_that_are_no_effects_of_what_was_set_stay_bitwise_equal(kind, i, kept):
    np.testing.assert_array_equal(propagate(do_on(i, 2.0), kind)[:, kept], propagate(kind=kind)[:, kept])


@kinds
def test_setting_what_is_there_already_changes_nothing(kind):
    before, do = propagate(kind=kind), do_on(HEAT, 0.0)
    np.testing.assert_array_equal(propagate(do._replace(value=jnp.asarray(before)), kind), before)
    none = do_on(HEAT, 3.0, strength=jnp.zeros(len(GRAPH)))
    np.testing.assert_array_equal(propagate(none, kind), before)


def test_over_images_classes_under_do_follow_their_law():
    """At the new causes, by a computation of its own; of the effect of an effect too."""
    value = np.linspace(-2, 2, NUM)[:, None, None]
    after = propagate(do_on(HEAT, np.broadcast_to(value, (NUM, len(GRAPH), K))))
    for i in (STATE, ON):
        assert off_by(classes_of(i, propagate()), p_of(i, propagate())) < 3.5
        assert off_by(classes_of(i, after), p_of(i, after)) < 3.5
        assert off_by(classes_of(i, after), p_of(i, propagate())) > 5


def test_a_class_is_kept_where_its_causes_speak_for_it_as_much_as_before():
    before, after = propagate(), propagate(do_on(HEAT, 1.5))
    gain = log_p(make()[1]["params"], STATE, after) - log_p(make()[1]["params"], STATE, before)
    old, new = classes_of(STATE, before), classes_of(STATE, after)
    is_pushed_up = gain[np.arange(NUM), old] >= gain.max(1)
    assert 0.1 < is_pushed_up.mean() < 0.9
    assert (old == new)[is_pushed_up].all() and not (old == new)[~is_pushed_up].all()
    assert (gain[np.arange(NUM), new] >= gain[np.arange(NUM), old]).all()


def test_drawn_afresh_classes_follow_their_law_given_the_causes_drawn():
    scm, params, u = make()
    mixed = jnp.stack([jnp.roll(u[:, i], 7 * i, axis=0) for i in range(len(GRAPH))], 1)  # causes of other images
    z = np.asarray(scm.apply(params, mixed, key=jax.random.key(4)))
    for i in (STATE, ON):
        assert off_by(classes_of(i, z), p_of(i, z)) < 3.5
        assert off_by(classes_of(i, np.asarray(mixed)), p_of(i, z)) > 5


def test_the_misfit_of_a_class_is_its_cross_entropy():
    scm, params, _ = make()
    z = propagate()
    found = scm.apply(params, z, z, method="class_misfits")
    for i in (STATE, ON):
        expected = -log_p(params["params"], i, z)[np.arange(NUM), classes_of(i, z)]
        np.testing.assert_allclose(found[i], expected, rtol=1e-4, atol=1e-4)
