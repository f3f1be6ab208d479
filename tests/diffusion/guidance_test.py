"""Functions of denoisers on denoisers whose sum is written out."""

import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.diffusion.guidance import guide


def cond(x, t):
    return 2 * x


def null(x, t):
    return 3 * x


@pytest.mark.parametrize("strength", [-0.5, 0.0, 0.5, 1.0, 1.5])
def test_guidance_mixes_two_denoisers(strength):
    x, t = jnp.array([[1.0, -2.0]]), jnp.zeros((1,), jnp.int32)
    expected = strength * 2 * x + (1 - strength) * 3 * x
    np.testing.assert_allclose(guide(cond, null, strength)(x, t), expected, rtol=1e-6)


def test_none_and_all_of_the_condition_cost_one_evaluation():
    assert guide(cond, null, 1.0) is guide(cond, null, 1) is cond
    assert guide(cond, null, 0.0) is guide(cond, null, 0) is null
