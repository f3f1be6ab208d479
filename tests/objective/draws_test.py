"""The random numbers of a step: their distributions, and that none stands for another."""

import jax
import numpy as np
import pytest
from networks import GRAPH, small_model

from cdae_jax.objective.draws import Draws, draw

NUM, T = 4096, 50


def drawn(condition_drop, seed=0):
    """For images of 2 x 2 pixels, as NumPy arrays."""
    model = small_model("refiner", style_dim=3)
    draws = jax.jit(lambda key: draw(model, T, condition_drop, (NUM, 2, 2, 1), key))(jax.random.key(seed))
    return Draws(*(np.asarray(array) for array in draws))


@pytest.fixture(scope="module")
def draws():
    return drawn(0.3)


def test_shapes_and_types_are_those_of_the_batch(draws):
    assert draws.u.shape == (NUM, len(GRAPH), 4) and draws.eps.shape == (NUM, 2, 2, 1)
    assert draws.style.shape == (NUM, 3)
    assert draws.t.shape == draws.drop.shape == draws.hide.shape == draws.plain.shape == (NUM,)
    assert draws.swap.shape == (NUM, len(GRAPH))
    assert (draws.u.dtype, draws.t.dtype, draws.drop.dtype) == (np.float32, np.int32, np.bool_)


def test_noise_is_standard_normal_and_steps_are_uniform(draws):
    for noise in (draws.u, draws.eps, draws.style):
        assert abs(noise.mean()) < 0.03 and abs(noise.std() - 1) < 0.03
    times = np.bincount(draws.t, minlength=T)
    assert len(times) == T  # none beyond the last step
    assert (np.abs(times - NUM / T) < 5 * np.sqrt(NUM / T)).all()


def test_conditions_are_dropped_as_often_as_asked_and_half_of_the_latents_swapped(draws):
    for mask, share in ((draws.drop, 0.3), (draws.hide, 0.3), (draws.swap, 0.5), (draws.plain < 0.2, 0.2)):
        assert abs(mask.mean() - share) < 4 * np.sqrt(share * (1 - share) / NUM)
    for condition_drop in (0.0, 1.0):
        draws = drawn(condition_drop)
        assert (draws.drop == condition_drop).all() and (draws.hide == condition_drop).all()


def test_none_of_them_tells_another(draws):
    columns = {name: array.reshape(NUM, -1)[:, 0].astype(float) for name, array in draws._asdict().items()}
    correlations = np.corrcoef(list(columns.values()))[~np.eye(len(columns), dtype=bool)]
    assert np.abs(correlations).max() < 5 / np.sqrt(NUM)
    flat = draws.u.ravel()[: draws.eps.size], draws.eps.ravel()
    assert abs(np.corrcoef(*flat)[0, 1]) < 5 / np.sqrt(draws.eps.size)


def test_a_key_gives_the_same_again_and_another_key_others(draws):
    jax.tree.map(np.testing.assert_array_equal, drawn(0.3), draws)
    assert all((mine != other).any() for mine, other in zip(drawn(0.3, seed=1), draws, strict=True))
