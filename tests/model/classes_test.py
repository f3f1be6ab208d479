"""Classes as effects: what is known of the noise after a class was seen, and what the class would have been."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from class_effects import off_by
from scipy import stats

from cdae_jax.model.classes import class_under, noise_of, posterior

NUM, C = 4_000, 4
KEYS = jax.random.split(jax.random.key(0), 6)
BEFORE, AFTER = (2 * jax.random.normal(key, (NUM, C)) for key in KEYS[:2])
NOISE = jax.random.gumbel(KEYS[2], (NUM, C))
SEEN = jnp.argmax(BEFORE + jax.random.gumbel(KEYS[3], (NUM, C)), -1).astype(jnp.int32)  # by softmax(BEFORE)


def test_the_class_that_was_seen_is_the_one_that_the_noise_gives():
    found = posterior(BEFORE, SEEN, NOISE)
    np.testing.assert_array_equal(jnp.argmax(found, -1), SEEN)
    np.testing.assert_array_equal(class_under(BEFORE, BEFORE, SEEN, NOISE), SEEN)
    rare = jnp.zeros((NUM,), jnp.int32)  # whatever its odds
    np.testing.assert_array_equal(jnp.argmax(posterior(BEFORE.at[:, 0].set(-40), rare, NOISE), -1), rare)


def test_over_what_was_seen_the_noise_is_what_it_was_before():
    """Standard Gumbel, each entry by itself and any two together."""
    noise = np.asarray(posterior(BEFORE, SEEN, NOISE) - jax.nn.log_softmax(BEFORE))
    for column in noise.T:
        assert stats.kstest(column, "gumbel_r").pvalue > 0.01
    rank = stats.spearmanr(np.concatenate([noise, BEFORE], 1)).statistic
    assert np.abs(rank - np.eye(2 * C))[:C].max() < 4 / np.sqrt(NUM)


def test_given_a_class_the_noise_is_that_of_the_draws_that_gave_it():
    """Against rejection: of many draws of Gumbel noise those whose largest sum is at the class."""
    logits = np.array([0.5, -1.0, 1.0])
    drawn = logits + np.random.default_rng(1).gumbel(size=(40_000, 3))
    wanted = drawn[drawn.argmax(1) == 1] - np.log(np.exp(logits).sum())
    rows = jnp.broadcast_to(jnp.asarray(logits, jnp.float32), (len(wanted), 3))
    found = np.asarray(posterior(rows, jnp.ones(len(wanted), jnp.int32), NOISE[: len(wanted), :3]))
    for of in (*np.eye(3), [1, 1, 0], [0, 1, -1]):
        assert stats.ks_2samp(found @ of, wanted[: len(found)] @ of).pvalue > 0.01


def test_under_other_odds_classes_are_as_frequent_as_these_say():
    found, seen = (np.asarray(c) for c in (class_under(BEFORE, AFTER, SEEN, NOISE), SEEN))
    before, p = (np.exp(np.asarray(logits, np.float64)) for logits in (BEFORE, AFTER))
    before, p = before / before.sum(1, keepdims=True), p / p.sum(1, keepdims=True)
    assert off_by(found, p) < 3.5 and off_by(seen, before) < 3.5 and off_by(found, before) > 5
    assert (found == seen).mean() > p[np.arange(NUM), seen].mean() + 0.05  # it stays more often than if drawn afresh


def test_no_class_comes_whose_odds_against_the_one_seen_have_not_grown():
    found = np.asarray(class_under(BEFORE, AFTER, SEEN, NOISE))
    change = np.array(AFTER - BEFORE)
    own, other = change[np.arange(NUM), np.asarray(SEEN)], change[np.arange(NUM), found]
    assert (found != np.asarray(SEEN)).mean() > 0.2
    assert (other > own)[found != np.asarray(SEEN)].all()
    change[np.arange(NUM), np.asarray(SEEN)] = change.max(1) + 0.01  # up against all others
    np.testing.assert_array_equal(class_under(BEFORE, BEFORE + change, SEEN, NOISE), SEEN)


def test_the_noise_of_images_is_gumbel_and_that_of_two_images_unlike():
    u = jax.random.normal(KEYS[4], (NUM, 8))
    noise = np.asarray(noise_of(u, jax.random.key(5), C))
    for column in noise.T:
        assert stats.kstest(column, "gumbel_r").pvalue > 0.01
    others = np.concatenate([noise[1:], noise_of(u, jax.random.key(6), C)[1:], u[1:]], 1)
    rank = stats.spearmanr(np.concatenate([noise[:-1], others], 1)).statistic
    assert np.abs(rank - np.eye(len(rank)))[:C].max() < 4 / np.sqrt(NUM)


@pytest.mark.parametrize("size", [8, 1_000])
def test_rounding_does_not_change_the_noise(size):
    u = np.random.default_rng(2).normal(size=(200, size)).astype(np.float32)
    again = (u * np.random.default_rng(3).choice([1 - 1e-6, 1, 1 + 1e-6], u.shape)).astype(np.float32)
    key = jax.random.key(5)
    gap = np.abs(np.asarray(noise_of(jnp.asarray(u), key, C)) - noise_of(jnp.asarray(again), key, C))
    assert (u != again).mean() > 0.5 and gap.max() < 0.05 and gap.mean() < 1e-3
