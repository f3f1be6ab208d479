"""Muon: what it does to singular values, and that it takes the steps of optax's own."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from optax import contrib

from cdae_jax.distributed.sharding import make_mesh, replicated, state_shardings
from cdae_jax.training.muon import MOMENTUM, STEP_RMS, muon, orthogonalised, step_of, steps_of


@pytest.mark.parametrize("shape", [(24, 24), (16, 48), (48, 16), (5, 1)])
def test_singular_vectors_stay_and_singular_values_become_about_1(shape):
    matrix = jax.random.normal(jax.random.key(0), shape)
    u, _, v = np.linalg.svd(matrix, full_matrices=False)
    inner = u.T @ np.asarray(orthogonalised(matrix)) @ v.T
    np.testing.assert_allclose(inner, np.diag(np.diag(inner)), atol=1e-4)
    assert np.diag(inner).min() > 0.3 and np.diag(inner).max() < 1.25
    if shape != (24, 24):  # singular values of a square one come near 0
        assert np.diag(inner).min() > 0.65


def test_the_size_of_a_gradient_says_nothing():
    matrix = jax.random.normal(jax.random.key(0), (16, 48))
    np.testing.assert_allclose(orthogonalised(1e-6 * matrix), orthogonalised(matrix), atol=1e-4)
    assert not orthogonalised(0 * matrix).any()


def test_a_convolution_is_the_matrix_from_all_its_inputs_to_its_outputs():
    kernel = jax.random.normal(jax.random.key(0), (3, 3, 4, 8))
    np.testing.assert_array_equal(step_of(kernel).reshape(36, 8), step_of(kernel.reshape(36, 8)))
    assert float(jnp.sqrt(jnp.mean(step_of(kernel) ** 2))) == pytest.approx(STEP_RMS, rel=0.2)


def test_steps_are_those_of_optax():
    """Optax corrects the bias of its first momenta, which changes their length only, but for the gradient's part."""
    params = {"a": jax.random.normal(jax.random.key(0), (16, 48)), "b": jax.random.normal(jax.random.key(1), (32, 8))}
    reference = contrib.muon(0.1, beta=MOMENTUM, weight_decay=0.01, consistent_rms=STEP_RMS)
    gradients = [jax.tree.map(lambda p, i=i: jax.random.normal(jax.random.key(i), p.shape), params) for i in range(60)]

    def last_update(tx):
        state, update = tx.init(params), jax.jit(tx.update)
        with jax.numpy_dtype_promotion("standard"):
            for gradient in gradients:
                updates, state = update(gradient, state, params)
        return updates

    ours, theirs = last_update(muon(0.1, 0.01)), last_update(reference)
    for name in params:
        np.testing.assert_allclose(ours[name], theirs[name], atol=0.03 * 0.1 * STEP_RMS)


def test_parameters_follow_the_rate_and_decay():
    params = {"a": jnp.ones((4, 8))}
    tx = muon(optax.constant_schedule(0.5), 0.1)
    updates, _ = tx.update(jax.tree.map(jnp.zeros_like, params), tx.init(params), params)
    np.testing.assert_allclose(updates["a"], -0.5 * 0.1, rtol=1e-6)


@pytest.mark.parametrize("fsdp", [1, 4])
def test_devices_share_the_kernels_of_a_shape_and_take_the_same_steps(fsdp):
    """16 kernels of one shape, 3 of another and one of a third, on eight devices."""
    shapes = [(3, 3, 16, 64)] * 16 + [(128, 64)] * 3 + [(8, 4)]
    momenta = {str(i): jax.random.normal(jax.random.key(i), shape) for i, shape in enumerate(shapes)}
    mesh = make_mesh(fsdp)
    assert mesh.size == 8
    whole = jax.device_put(momenta, replicated(mesh))
    parts = jax.device_put(momenta, state_shardings({"params": momenta}, mesh, 0.0)["params"])
    alone, shared = (
        jax.jit(steps_of, static_argnums=1).lower(*given).compile() for given in ((whole, None), (parts, mesh))
    )
    for name, step in shared(parts).items():
        np.testing.assert_allclose(step, alone(whole)[name], atol=1e-5)
    flops = [one.cost_analysis()["flops"] for one in (alone, shared)]  # of one device
    assert flops[1] < flops[0] / 5
    assert "collective-permute" not in shared.as_text()  # all steps of a shape are gathered at once
