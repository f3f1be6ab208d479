"""Causality of the mechanisms, by gradients that must be exactly zero, and their inverse and log-determinant."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from networks import filled

from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.model.scm import MECHANISMS, Intervention, StructuralCausalModel

# A chain of three, a fork and a collider, declared out of order; "alone" has no edge.
GRAPH = CausalGraph(
    (
        Variable("leaf", ("mid",)),
        Variable("mid", ("root",)),
        Variable("root"),
        Variable("other", ("root",)),
        Variable("collider", ("other", "mid")),
        Variable("alone"),
    )
)
K = 3
U = jax.random.normal(jax.random.key(0), (5, len(GRAPH), K))


@functools.cache
def make(kind):
    """A causal model and parameters away from zero-initialised layers."""
    scm = StructuralCausalModel(GRAPH, block_dim=K, hidden=8, kind=kind)
    return scm, filled(scm.init, jax.random.key(0), U)


kinds = pytest.mark.parametrize("kind", MECHANISMS)


def propagate(u, do=None, kind="affine"):
    scm, params = make(kind)
    return scm.apply(params, u, do)


def abduct(z, kind="affine"):
    scm, params = make(kind)
    return scm.apply(params, z, method="abduct")


def do_on(*names, value=2.0):
    mask = jnp.zeros((5, len(GRAPH)), bool).at[:, jnp.array([GRAPH.index(name) for name in names])].set(True)
    return Intervention(mask, jnp.full(U.shape, value))


def reached(kind):
    """[n, n] bool: whether a change of j's noise reaches i; with one hop only from its parents."""
    if kind != "one_hop":
        return GRAPH.ancestor_matrix
    return np.array([[j in parents for j in range(len(GRAPH))] for parents in GRAPH.parents])


@kinds
def test_z_depends_on_exactly_its_ancestors_noise_and_its_own(kind):
    jacobian = jax.jacobian(lambda u: propagate(u[None], kind=kind)[0])(U[0])  # [n, k, n, k]
    size = np.abs(np.asarray(jacobian)).sum((1, 3))
    allowed = reached(kind) | np.eye(len(GRAPH), dtype=bool)
    assert (size[~allowed] == 0).all()
    assert (size[allowed] > 0).all()


@kinds
def test_the_log_scales_are_the_log_determinant_of_the_jacobian(kind):
    scm, params = make(kind)
    size = len(GRAPH) * K
    jacobian = jax.jacobian(lambda u: propagate(u.reshape(1, -1, K), kind=kind).reshape(-1))(U[0].reshape(-1))
    z = propagate(U[:1], kind=kind)
    log_slope = scm.apply(params, z, method=lambda scm, z: scm.conditionals(z).u_of(z)[1])
    assert jacobian.shape == (size, size)
    sign, log_determinant = np.linalg.slogdet(np.asarray(jacobian, np.float64))
    assert sign == 1
    assert float(log_slope.sum()) == pytest.approx(log_determinant, abs=1e-4)
    assert (np.asarray(log_slope) != 0).any() == (kind in ("scaled", "affine", "spline"))


@kinds
def test_abduction_inverts_propagation(kind):
    np.testing.assert_allclose(abduct(propagate(U, kind=kind), kind), U, atol=1e-5)


@kinds
@pytest.mark.parametrize("name", GRAPH.names)
def test_do_moves_descendants_and_leaves_the_rest_bitwise_equal(name, kind):
    before, after = np.asarray(propagate(U, kind=kind)), np.asarray(propagate(U, do_on(name), kind))
    i = GRAPH.index(name)
    np.testing.assert_array_equal(after[:, i], np.full((5, K), 2.0))
    for j, other in enumerate(GRAPH.names):
        if reached(kind)[j, i]:
            assert (before[:, j] != after[:, j]).all()
        elif other != name:
            np.testing.assert_array_equal(before[:, j], after[:, j])


@kinds
@pytest.mark.parametrize("name", ["root", "mid"])
def test_part_of_an_intervention_sets_z_part_of_the_way_and_its_effects_follow(name, kind):
    """0 and 1 are bitwise nothing and all; in between it is do() of the value that lies there."""
    i, do = GRAPH.index(name), do_on(name)
    before = np.asarray(propagate(U, kind=kind))

    def under(strength):
        return np.asarray(propagate(U, do._replace(strength=jnp.zeros(len(GRAPH)).at[i].set(strength)), kind))

    np.testing.assert_array_equal(under(0.0), before)
    np.testing.assert_array_equal(under(1.0), np.asarray(propagate(U, do, kind)))
    there = 0.25 * 2.0 + 0.75 * before[:, i]
    if kind != "one_hop":  # whose children see u
        expected = propagate(U, do._replace(value=do.value.at[:, i].set(there)), kind)
        np.testing.assert_allclose(under(0.25), expected, atol=1e-5)
    np.testing.assert_allclose(under(0.25)[:, i], there, atol=1e-6)


def test_do_cuts_a_variable_from_its_parents():
    both = np.asarray(propagate(U, do_on("root", "mid")))
    mid_only = np.asarray(propagate(U, do_on("mid")))
    np.testing.assert_array_equal(both[:, GRAPH.index("leaf")], mid_only[:, GRAPH.index("leaf")])


@pytest.mark.parametrize(
    "call",
    [
        lambda: propagate(U[:, :-1]),
        lambda: propagate(U[..., :-1]),
        lambda: propagate(U, Intervention(jnp.zeros((4, len(GRAPH)), bool), U)),
        lambda: abduct(U[0]),
    ],
)
def test_wrong_shapes_raise(call):
    with pytest.raises(AssertionError, match="shape"):
        call()


def test_the_mask_is_per_sample():
    mask = jnp.zeros((5, len(GRAPH)), bool).at[2, GRAPH.index("root")].set(True)
    before, after = np.asarray(propagate(U)), np.asarray(propagate(U, Intervention(mask, jnp.ones(U.shape))))
    changed = (before != after).any((1, 2))
    np.testing.assert_array_equal(changed, np.arange(5) == 2)
