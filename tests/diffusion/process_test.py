"""The diffusion process against its definition in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.diffusion import process as diffusion
from cdae_jax.errors import InputError


def test_linear_schedule_is_the_product_of_one_minus_beta():
    beta = np.linspace(1e-4, 0.02, 1000)
    expected = np.maximum(np.cumprod(1 - beta), diffusion.MIN_ALPHA_BAR)
    np.testing.assert_allclose(diffusion.make_schedule("linear", 1000).alpha_bar, expected, rtol=1e-5)


@pytest.mark.parametrize("name", diffusion.SCHEDULES)
@pytest.mark.parametrize("num_steps", [100, 1000])
def test_schedules_go_from_signal_to_noise(name, num_steps):
    alpha_bar = np.asarray(diffusion.make_schedule(name, num_steps).alpha_bar)
    assert alpha_bar.shape == (num_steps,) and (np.diff(alpha_bar) <= 0).all()
    assert alpha_bar[0] > 0.99
    # The terminal signal-to-noise ratio is as near to zero as float32 allows: x_T tells 1 % of an image's amplitude.
    assert alpha_bar[-1] / (1 - alpha_bar[-1]) == pytest.approx(diffusion.MIN_ALPHA_BAR, rel=1e-3)


def test_q_sample_has_the_stated_mean_and_variance():
    schedule = diffusion.make_schedule("cosine", 1000)
    x_0 = jnp.full((20_000, 1), 0.7)
    t = jnp.full((20_000,), 400)
    x_t = diffusion.q_sample(schedule, x_0, jax.random.normal(jax.random.key(0), x_0.shape), t)
    alpha_bar = float(schedule.alpha_bar[400])
    assert abs(float(x_t.mean()) - 0.7 * np.sqrt(alpha_bar)) < 0.02
    assert abs(float(x_t.var()) - (1 - alpha_bar)) < 0.02


@pytest.mark.parametrize("prediction", diffusion.PREDICTIONS)
def test_every_prediction_target_gives_back_eps_and_x_0(prediction):
    schedule = diffusion.make_schedule("cosine", 1000)
    key_x, key_eps = jax.random.split(jax.random.key(0))
    x_0, eps = jax.random.normal(key_x, (3, 4, 4, 1)), jax.random.normal(key_eps, (3, 4, 4, 1))
    t = jnp.array([10, 500, 900])
    alpha_bar = schedule.alpha_bar[t]
    x_t = diffusion.q_sample(schedule, x_0, eps, t)
    output = diffusion.prediction_target(prediction, x_0, eps, alpha_bar)
    found = diffusion.eps_from_output(prediction, output, x_t, alpha_bar)
    np.testing.assert_allclose(found, eps, atol=2e-4)
    np.testing.assert_allclose(diffusion.x_0_from_eps(x_t, eps, alpha_bar), x_0, atol=2e-4)


def test_bad_schedules_are_refused():
    with pytest.raises(InputError, match="unknown noise schedule 'cosin'"):
        diffusion.make_schedule("cosin", 1000)
    with pytest.raises(InputError, match="too short"):
        diffusion.make_schedule("linear", 10)
