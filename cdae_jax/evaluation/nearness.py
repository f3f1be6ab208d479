"""Error of counterfactuals against how far their labels lie from those of training (`inference.support`)."""

import itertools

import numpy as np

from cdae_jax.evaluation.metrics import known_mean, rank_correlation

ENDS = (0, 50, 90, 99, 100)  # of the bins of support, percentiles
ALL = "all"


def against_error(nearness: dict[str, dict], per_image: np.ndarray) -> dict[str, dict]:
    """Of each intervention, and of ALL together: the rank correlation of distance and error, and the mean error by
    support, in bins.

    Args:
      nearness: do -> {"distance", "support"}, each a list of the N images' (`TrainingLabels`).
      per_image: errors [do, N, n] of all variables; an image's is their mean.
    """
    distance, support = (
        np.array([found[key] for found in nearness.values()], float) for key in ("distance", "support")
    )
    error, found = known_mean(per_image, 2), {}
    parts = {ALL: slice(None)} | {do: slice(i, i + 1) for i, do in enumerate(nearness)}
    for name, part in parts.items():
        bins = []
        for low, high in itertools.pairwise(ENDS):
            inside = (support[part] >= low) & ((support[part] < high) | (high == ENDS[-1]))
            mean = {
                "mean": float(known_mean(error[part][inside])),
                "count": int(np.isfinite(error[part][inside]).sum()),
            }
            bins.append({"from": low, "to": high, "error": mean})
        found[name] = {"rank_correlation": rank_correlation(distance[part].ravel(), error[part].ravel()), "bins": bins}
    return found


def told(found: dict[str, dict]) -> tuple[list[str], list[str], list[list[str]]]:
    """Lines of the report on what `against_error` found, and the header and the rows of a table."""
    lines = [
        "Support is the percentile of how far the labels under do lie from those of training. Mean error by support"
        " (number of counterfactuals), and the rank correlation of distance and error:",
        "",
    ]
    rows = []
    for name, one in found.items():
        cells = (part["error"] for part in one["bins"])
        shown = [f"{cell['mean']:.3f} ({cell['count']})" if cell["count"] else "" for cell in cells]
        rank = one["rank_correlation"]
        rows.append([name, *shown, "unknown" if rank is None else f"{rank:.2f}"])
    ends = [f"{low} to {high}" for low, high in itertools.pairwise(ENDS)]
    return lines, ["", *ends, "rank correlation"], rows
