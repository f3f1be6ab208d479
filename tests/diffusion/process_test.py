"""The diffusion process against its definition in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cdae_jax.diffusion.process import (
    MIN_ALPHA_BAR,
    SCHEDULES,
    eps_from_output,
    make_schedule,
    prediction_target,
    q_sample,
    signal_noise,
    x_0_from_eps,
)
from cdae_jax.errors import InputError


def test_the_linear_schedule_is_the_product_of_one_minus_beta():
    beta = np.linspace(1e-4, 0.02, 1000)
    expected = np.maximum(np.cumprod(1 - beta), MIN_ALPHA_BAR)
    np.testing.assert_allclose(make_schedule("linear", 1000).alpha_bar, expected, rtol=1e-5)


def test_the_cosine_schedule_is_the_square_of_a_cosine_that_starts_at_one():
    angles = [(t / 4 + 0.008) / 1.008 * np.pi / 2 for t in range(4)]
    expected = [*(np.cos(angle) ** 2 / np.cos(angles[0]) ** 2 for angle in angles[1:]), MIN_ALPHA_BAR]
    np.testing.assert_allclose(make_schedule("cosine", 4).alpha_bar, expected, rtol=1e-5)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("num_steps", [100, 1000])
def test_schedules_go_from_signal_to_noise(name, num_steps):
    schedule = make_schedule(name, num_steps)
    alpha_bar = np.asarray(schedule.alpha_bar)
    assert alpha_bar.dtype == np.float32 and len(alpha_bar) == schedule.num_steps == num_steps
    assert (np.diff(alpha_bar) <= 0).all() and alpha_bar[0] > 0.99
    # The terminal signal-to-noise ratio is as near to zero as float32 allows: x_T tells 1 % of an image's amplitude.
    assert alpha_bar[-1] / (1 - alpha_bar[-1]) == pytest.approx(MIN_ALPHA_BAR, rel=1e-3)


@pytest.mark.parametrize(("name", "least"), [("linear", 30), ("cosine", 2)])
def test_bad_schedules_are_refused(name, least):
    alpha_bar = np.asarray(make_schedule(name, least).alpha_bar)
    assert (alpha_bar > 0).all() and (alpha_bar < 1).all()
    with pytest.raises(InputError, match=f"{name} noise schedule of {least - 1} steps is too short: use at least"):
        make_schedule(name, least - 1)
    with pytest.raises(InputError, match="unknown noise schedule 'cosin'"):
        make_schedule("cosin", 1000)


def test_signal_and_noise_are_the_roots_of_variances_that_add_up_to_one():
    signal, noise = signal_noise(jnp.array([0.36, 1.0]), 4)
    assert signal.shape == noise.shape == (2, 1, 1, 1)
    np.testing.assert_allclose(signal.ravel(), [0.6, 1.0], rtol=1e-6)
    np.testing.assert_allclose(noise.ravel(), [0.8, 0.0], rtol=1e-6)
    assert all(part.shape == () for part in signal_noise(jnp.float32(0.36), 0))


def test_q_sample_has_the_stated_mean_and_variance():
    schedule = make_schedule("cosine", 1000)
    x_0 = jnp.full((20_000, 1), 0.7)
    x_t = np.asarray(q_sample(schedule, x_0, jax.random.normal(jax.random.key(0), x_0.shape), jnp.full(20_000, 400)))
    alpha_bar = float(schedule.alpha_bar[400])
    assert abs(x_t.mean() - 0.7 * np.sqrt(alpha_bar)) < 0.02
    assert abs(x_t.var() - (1 - alpha_bar)) < 0.02


@pytest.mark.parametrize("prediction", ["eps", "v"])
def test_every_prediction_target_gives_back_eps_and_x_0(prediction):
    schedule = make_schedule("cosine", 1000)
    x_0, eps = np.random.default_rng(0).normal(size=(2, 3, 4, 4, 1)).astype(np.float32)

    @jax.jit
    def found(x_0, eps, t):
        alpha_bar = schedule.alpha_bar[t]
        x_t = q_sample(schedule, x_0, eps, t)
        output = prediction_target(prediction, x_0, eps, alpha_bar)
        eps = eps_from_output(prediction, output, x_t, alpha_bar)
        return output, eps, x_0_from_eps(x_t, eps, alpha_bar)

    t = np.array([10, 500, 900])
    output, eps_found, x_0_found = found(x_0, eps, t)
    np.testing.assert_allclose(eps_found, eps, atol=2e-4)
    np.testing.assert_allclose(x_0_found, x_0, atol=2e-4)
    alpha_bar = np.asarray(schedule.alpha_bar, float)[t].reshape(3, 1, 1, 1)
    v = np.sqrt(alpha_bar) * eps - np.sqrt(1 - alpha_bar) * x_0
    np.testing.assert_allclose(output, {"eps": eps, "v": v}[prediction], atol=1e-5)
