"""Label statistics: what they standardise, skip and refuse."""

import numpy as np
import pytest

from cdae_jax.data.labels import LabelStats
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable


def test_label_statistics_standardise_and_skip_the_unknown():
    labels = np.array([[1, 5], [3, np.nan], [5, 7], [np.nan, 9]], np.float32)
    graph = CausalGraph((Variable("a"), Variable("b")))
    stats = LabelStats.of(labels, graph)
    np.testing.assert_allclose(stats.mean, [3, 7])
    np.testing.assert_allclose(stats.low, [1, 5])
    np.testing.assert_allclose(stats.high, [5, 9])
    assert stats.rows.shape == (2, 2)
    y = stats.standardise(labels)
    assert np.nanmean(y, 0) == pytest.approx(0, abs=1e-6) and np.nanstd(y, 0) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(stats.physical(y), labels)
    assert LabelStats.from_dict(stats.to_dict()).sd.tolist() == stats.sd.tolist()
    with pytest.raises(InputError, match="'b' has only one value"):
        LabelStats.of(np.array([[1, 5], [2, 5]], np.float32), graph)
    with pytest.raises(InputError, match="'b' has no value"):
        LabelStats.of(np.array([[1, np.nan], [2, np.nan]], np.float32), graph)
