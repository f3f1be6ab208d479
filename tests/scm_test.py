"""Causality of the SCM, by gradients that must be exactly zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.scm import Intervention, StructuralCausalModel

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
SCM = StructuralCausalModel(GRAPH, block_dim=K, hidden=8)
U = jax.random.normal(jax.random.key(0), (5, len(GRAPH), K))
PARAMS = SCM.init(jax.random.key(1), U)


def propagate(u, do=None):
    return SCM.apply(PARAMS, u, do)


def do_on(*names, value=2.0):
    mask = jnp.zeros((5, len(GRAPH)), bool).at[:, jnp.array([GRAPH.index(name) for name in names])].set(True)
    return Intervention(mask, jnp.full(U.shape, value))


def test_z_depends_on_exactly_its_ancestors_noise_and_its_own():
    jacobian = jax.jacobian(lambda u: propagate(u[None])[0])(U[0])  # [n, k, n, k]
    size = np.abs(np.asarray(jacobian)).sum((1, 3))
    allowed = GRAPH.ancestor_matrix | np.eye(len(GRAPH), dtype=bool)
    assert (size[~allowed] == 0).all()
    assert (size[allowed] > 0).all()
    own = np.asarray(jacobian)[np.arange(len(GRAPH)), :, np.arange(len(GRAPH)), :]
    np.testing.assert_array_equal(own, np.broadcast_to(np.eye(K), own.shape))


def test_abduction_inverts_propagation():
    np.testing.assert_allclose(SCM.apply(PARAMS, propagate(U), method="abduct"), U, atol=1e-6)


@pytest.mark.parametrize("name", GRAPH.names)
def test_do_moves_descendants_and_leaves_the_rest_bitwise_equal(name):
    before, after = np.asarray(propagate(U)), np.asarray(propagate(U, do_on(name)))
    i = GRAPH.index(name)
    np.testing.assert_array_equal(after[:, i], np.full((5, K), 2.0))
    for j, other in enumerate(GRAPH.names):
        if other in GRAPH.descendants(name):
            assert (before[:, j] != after[:, j]).all()
        elif other != name:
            np.testing.assert_array_equal(before[:, j], after[:, j])


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
        lambda: SCM.apply(PARAMS, U[0], method="abduct"),
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
