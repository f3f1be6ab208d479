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
    assert found["all"]["rank_correlation"] == found["do(a)"]["rank_correlation"] == pytest.approx(1)
    assert [one["error"]["count"] for one in found["all"]["bins"]] == [2, 2, 2, 2]
    assert [one["error"]["mean"] for one in found["all"]["bins"]] == pytest.approx([0.05, 0.55, 0.925, 0.995])
    assert [one["error"]["mean"] for one in found["do(b)"]["bins"]] == pytest.approx([0, 0.5, 0.9, 0.99])
    _, header, rows = told(found)
    assert header == ["", "0 to 50", "50 to 90", "90 to 99", "99 to 100", "rank correlation"]
    assert rows[0] == ["all", "0.050 (2)", "0.550 (2)", "0.925 (2)", "0.995 (2)", "1.00"]
    assert rows[1][:2] == ["do(a)", "0.100 (1)"]


def test_interventions_that_differ_in_error_alone_say_nothing_of_distance():
    """What is of one do() stays of it: the far do() is the better one here, and in both errors grow with distance."""
    errors = np.array([[0.1, 0.2], [0.01, 0.02]])[..., None]
    found = against_error({"do(a)": near([1.0, 2]), "do(b)": near([98.0, 99])}, errors)
    assert [found[name]["rank_correlation"] for name in ("do(a)", "do(b)")] == pytest.approx([1, 1])
    assert found["all"]["rank_correlation"] < 0


def test_what_is_the_same_throughout_has_no_rank_correlation():
    found = against_error({"do(a)": near([5.0, 5, 5])}, np.arange(3.0).reshape(1, 3, 1))
    assert np.isnan(found["all"]["rank_correlation"])
    as_json = {name: one | {"rank_correlation": None} for name, one in found.items()}
    assert told(as_json)[2] == [[name, "1.000 (3)", "", "", "", "unknown"] for name in ("all", "do(a)")]
