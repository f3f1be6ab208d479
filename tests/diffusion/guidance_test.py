"""Functions of denoisers on denoisers whose sum is written out."""

import jax.numpy as jnp
import numpy as np

from cdae_jax.diffusion import guidance


def test_guidance_mixes_two_denoisers():
    cond, null = (lambda x, t: 2 * x), (lambda x, t: 3 * x)
    x, t = jnp.ones((1, 1)), jnp.zeros((1,), jnp.int32)
    assert guidance.guide(cond, null, 1.0) is cond
    assert guidance.guide(cond, null, 0.0) is null
    np.testing.assert_allclose(guidance.guide(cond, null, 1.5)(x, t), 1.5 * 2 - 0.5 * 3)


def test_graded_changes_follow_the_formula_and_telescope():
    constants = jnp.array([[0.0, 1.0], [2.0, 5.0], [3.0, -1.0]])
    eps_fns = [lambda x_t, t, c=c: x_t + c[None] for c in constants]
    x, t = jnp.ones((4, 2)), jnp.zeros((4,), jnp.int32)

    def eps(*strengths):
        return np.asarray(guidance.grade(eps_fns, jnp.array(strengths))(x, t))[0]

    np.testing.assert_allclose(eps(0.0, 0.0), x[0] + constants[0])
    np.testing.assert_allclose(eps(1.0, 1.0), x[0] + constants[2], atol=1e-6)
    np.testing.assert_allclose(eps(1.0, 0.0), x[0] + constants[1], atol=1e-6)
    expected = 1 + np.array([0, 1]) + 1.5 * np.array([2, 4]) + 0.5 * np.array([1, -6])
    np.testing.assert_allclose(eps(1.5, 0.5), expected, atol=1e-6)
