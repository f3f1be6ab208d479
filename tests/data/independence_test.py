"""The test of independence holds its level on independent data, and sees what correlations do not."""

import numpy as np
import pytest
from scipy.stats import binom

from cdae_jax.data.independence import conditional_test, dependence, holm

KINDS = (0, 0, 0)


def _shown(labels_of, num, seeds, classes=KINDS, given=()):
    """How many of so many datasets, each labels_of(generator, num), show columns 0 and 1 as dependent at 5 %."""
    made = (labels_of(np.random.default_rng([seed, num]), num) for seed in range(seeds))
    return sum(conditional_test(labels, classes, 0, 1, given, 99).p <= 0.05 for labels in made)


def _unrelated(rng, num):
    return np.stack([rng.normal(size=num), rng.exponential(size=num), rng.normal(size=num)], 1)


def _common_cause(rng, num):
    cause = rng.normal(size=num)
    return np.stack([cause**2 + rng.normal(size=num), cause + 0.5 * rng.normal(size=num), cause], 1)


def _common_cause_of_a_class(rng, num):
    cause = rng.normal(size=num)
    return np.stack([rng.random(num) < 1 / (1 + np.exp(-3 * cause)), cause + 0.5 * rng.normal(size=num), cause], 1)


@pytest.mark.parametrize(("num", "seeds"), [(100, 200), (200, 200), (1300, 40)])
def test_unrelated_columns_look_dependent_no_oftener_than_the_level(num, seeds):
    assert _shown(_unrelated, num, seeds) <= binom.ppf(0.99, seeds, 0.05)


@pytest.mark.parametrize(("num", "seeds"), [(100, 60), (200, 40), (1300, 10)])
@pytest.mark.parametrize("kind", [0, 2])
def test_the_effects_of_one_cause_look_dependent_without_it_and_independent_given_it(num, seeds, kind):
    labels_of = _common_cause_of_a_class if kind else _common_cause
    assert _shown(labels_of, num, 5, (kind, 0, 0)) >= 4  # of 5
    assert _shown(labels_of, num, seeds, (kind, 0, 0), given=(2,)) <= binom.ppf(0.99, seeds, 0.05)


def test_dependence_without_correlation_is_seen():
    def bent(rng, num):
        cause = rng.normal(size=num)
        return np.stack([cause, np.abs(cause) + 0.3 * rng.normal(size=num)], 1)

    def only_together(rng, num):  # an effect that neither cause shows by itself
        a, b = rng.normal(size=(2, num))
        return np.stack([a, a * b > 0, b], 1)

    def spread(rng, num):
        cause = rng.normal(size=num)
        return np.stack([cause, np.exp(cause) * rng.normal(size=num)], 1)

    assert _shown(bent, 100, 5) == _shown(spread, 200, 5) == 5
    assert _shown(only_together, 200, 5, (0, 2, 0), given=(2,)) == 5


def test_what_is_determined_by_the_given_column_cannot_be_tested():
    a, b = np.random.default_rng(0).normal(size=(2, 200))
    assert np.isnan(conditional_test(np.stack([a + 2, b, a], 1), KINDS, 0, 1, (2,), 99).p)


def test_mutual_information_of_gaussians_matches_the_closed_form():
    rng, rho = np.random.default_rng(0), 0.8
    a, noise, other = rng.normal(size=(3, 4000))
    b = rho * a + np.sqrt(1 - rho**2) * noise
    assert dependence(a, b) == pytest.approx(-0.5 * np.log(1 - rho**2), abs=0.06)
    assert dependence(a, other) < 0.05


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.04, 0.01, np.nan, 0.03]), [0.06, 0.03, np.nan, 0.06])
    np.testing.assert_allclose(holm([0.9, 0.8]), [1, 1])
