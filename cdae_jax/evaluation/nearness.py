"""Error of counterfactuals against how far their labels lie from those of training (`inference.support`)."""

import itertools

import numpy as np

from cdae_jax.evaluation.metrics import known_mean, mean_with_interval, rank_correlation

ENDS = (0, 50, 90, 99, 100)  # of the bins of support, percentiles


def against_error(nearness: dict[str, dict], per_image: np.ndarray) -> dict:
    """Rank correlation of distance and error, over all interventions and of each, and the mean error by support.

    Args:
      nearness: do -> {"distance", "support"}, each a list of the N images' (`TrainingLabels`).
      per_image: errors [do, N, n] of all variables; an image's is their mean.
    """
    distance, support = (
        np.array([found[key] for found in nearness.values()], float) for key in ("distance", "support")
    )
    error = known_mean(per_image, 2)
    bins = []
    for low, high in itertools.pairwise(ENDS):
        inside = (support >= low) & ((support < high) | (high == ENDS[-1]))
        bins.append({"from": low, "to": high, "error": mean_with_interval(error[inside])})
    by_do = {do: rank_correlation(*pair) for do, pair in zip(nearness, zip(distance, error, strict=True), strict=True)}
    return {"rank_correlation": rank_correlation(distance.ravel(), error.ravel()), "by_do": by_do, "bins": bins}


def told(found: dict) -> list[str]:
    """Lines of the report on what `against_error` found."""
    known = {do: rho for do, rho in found["by_do"].items() if rho is not None}
    by_do = ", ".join(f"{do} {rho:.2f}" for do, rho in known.items())
    overall = found["rank_correlation"]
    bins = [
        f"{one['from']} to {one['to']}: {one['error']['mean']:.3f} ({one['error']['count']})"
        for one in found["bins"]
        if one["error"]["count"]
    ]
    return [
        "Support, the percentile of how far the labels under do lie from those of training, and the mean error there"
        f" (number of counterfactuals): {'; '.join(bins)}.",
        f"Rank correlation of distance and error: {'unknown' if overall is None else f'{overall:.2f}'}"
        + (f" ({by_do})." if by_do else "."),
    ]
