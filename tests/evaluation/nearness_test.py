"""Error against support: errors that grow with distance are seen in the rank correlation, the bins and the report."""

import numpy as np
import pytest

from cdae_jax.evaluation.nearness import against_error, told


def near(support):
    return {"distance": list(np.array(support) ** 2), "support": support}


def test_errors_that_grow_with_distance_have_rank_correlation_one_and_stand_in_their_bins():
    supports = {"do(a)": [10.0, 60, 95, 100], "do(b)": [0.0, 50, 90, 99]}
    errors = np.array(list(supports.values()))[..., None] / 100 + [-0.1, 0.1]  # of two variables
    errors[0, 0, 1] = np.nan  # nobody knows it
    errors[0, 0, 0] = 0.1
    found = against_error({do: near(support) for do, support in supports.items()}, errors)
    assert found["rank_correlation"] == found["by_do"]["do(a)"] == pytest.approx(1)
    assert [one["error"]["count"] for one in found["bins"]] == [2, 2, 2, 2]
    assert [one["error"]["mean"] for one in found["bins"]] == pytest.approx([0.05, 0.55, 0.925, 0.995])
    bins, correlation = told(found)
    assert "0 to 50: 0.050 (2); 50 to 90: 0.550 (2); 90 to 99: 0.925 (2); 99 to 100: 0.995 (2)." in bins
    assert correlation == "Rank correlation of distance and error: 1.00 (do(a) 1.00, do(b) 1.00)."


def test_what_is_the_same_throughout_has_no_rank_correlation():
    found = against_error({"do(a)": near([5.0, 5, 5])}, np.arange(3.0).reshape(1, 3, 1))
    assert np.isnan(found["rank_correlation"])
    found |= {"rank_correlation": None, "by_do": {"do(a)": None}}  # as JSON holds them
    assert told(found) == [
        told(found)[0],
        "Rank correlation of distance and error: unknown.",
    ]
    assert "0 to 50: 1.000 (3)." in told(found)[0] and "50 to 90" not in told(found)[0]
