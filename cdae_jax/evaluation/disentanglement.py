"""How the latents relate to the labels: DCI, R^2 and MCC of blocks, interventional robustness, calibration of u.

With labels that are correlated, scores near 1 do not prove that a latent holds its own variable alone: read them beside
the effectiveness of interventions, never instead of it.
"""

import numpy as np

from cdae_jax.graph import CausalGraph

NUM_BINS = 10
MIN_PER_BIN = 8
FAR = 99  # percentile that stands for the largest deviation


def importances(codes: np.ndarray, labels: np.ndarray, graph: CausalGraph) -> tuple[np.ndarray, np.ndarray]:
    """Importance [D, n] of each code for each label, and how well it is read [n], by boosted trees.

    Fitted on the first half of codes [N, D] and labels [N, n] (NaN where unknown), read on the second: R^2 for
    continuous variables, accuracy for the others. Columns sum to 1.
    """
    # Imported here, and in the functions below, since it takes two seconds.
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    importance, read = np.zeros((codes.shape[1], len(graph))), np.full(len(graph), np.nan)
    half = len(codes) // 2
    for i, var in enumerate(graph.variables):
        kind = GradientBoostingClassifier if var.classes else GradientBoostingRegressor
        known = np.isfinite(labels[:, i])
        fit, held = known & (np.arange(len(codes)) < half), known & (np.arange(len(codes)) >= half)
        if len(np.unique(labels[fit, i])) < 2 or held.sum() < 2:
            continue
        trees = kind(random_state=0).fit(codes[fit], labels[fit, i])
        importance[:, i] = trees.feature_importances_
        read[i] = trees.score(codes[held], labels[held, i])
    return importance, read


def _one_minus_entropy(weights: np.ndarray) -> np.ndarray:
    """1 - H(rows) with the logarithm to the base of their length; rows of zeros give 0."""
    total = weights.sum(1, keepdims=True)
    p = np.divide(weights, total, out=np.full_like(weights, 1 / weights.shape[1]), where=total > 0)
    entropy = -np.sum(p * np.log(np.maximum(p, 1e-300)), 1)
    return 1 - entropy / np.log(weights.shape[1])


def dci(importance: np.ndarray) -> tuple[float, float]:
    """Disentanglement and completeness of importances [D, n] (Eastwood and Williams, ICLR 2018, section 2).

    Disentanglement: each code serves one label, codes weighted by what they serve; completeness: each label is served
    by one code. Both 0..1; NaN where there is one code or one label.
    """
    num_codes, num_labels = importance.shape
    share = importance.sum(1) / max(importance.sum(), 1e-12)
    disentangled = float(share @ _one_minus_entropy(importance)) if num_labels > 1 else np.nan
    complete = float(_one_minus_entropy(importance.T).mean()) if num_codes > 1 else np.nan
    return disentangled, complete


def block_r2(blocks: np.ndarray, labels: np.ndarray, graph: CausalGraph) -> np.ndarray:
    """R^2 [n, m] of each label j (NaN where unknown, [N, m]) read linearly from each block i of [N, n, k].

    Fitted on the first half, read on the second, at least 0; classes are read one by one, and the R^2 is that of all of
    them together. With R^2 of 1 on the diagonal every block holds its label up to an affine map (block identifiability,
    arXiv 2106.04619, definition 4.1, of one label); off the diagonal correlated labels are read too. NaN where a half
    has less than two values.
    """
    from sklearn.linear_model import Ridge
    from sklearn.metrics import r2_score

    first = np.arange(len(blocks)) < len(blocks) // 2
    found = np.full((blocks.shape[1], labels.shape[1]), np.nan)
    for j, var in enumerate(graph.variables):
        known = np.isfinite(labels[:, j])
        fit, held = known & first, known & ~first
        if min(len(np.unique(labels[fit, j])), len(np.unique(labels[held, j]))) < 2:
            continue
        y = np.eye(var.classes)[np.where(known, labels[:, j], 0).astype(int)] if var.classes else labels[:, j]
        for i, block in enumerate(blocks.swapaxes(0, 1)):
            line = Ridge(1e-6 * block.var() * fit.sum()).fit(block[fit], y[fit])
            score = r2_score(y[held], line.predict(block[held]), multioutput="variance_weighted")
            found[i, j] = max(0.0, score)
    return found


def mcc(r2: np.ndarray) -> float:
    """Mean correlation coefficient of blocks and labels: the mean of sqrt(R^2 [n, n]) over the pairing of blocks with
    labels that makes it largest (arXiv 1605.06336, section 5, with a block in the place of a component), 0..1; NaN
    where an R^2 is unknown.
    """
    from scipy.optimize import linear_sum_assignment

    correlation = np.sqrt(r2)
    if not np.isfinite(correlation).all():
        return np.nan
    return float(correlation[linear_sum_assignment(correlation, maximize=True)].mean())


def interventional_robustness(block: np.ndarray, label: np.ndarray, classes: int = 0) -> float:
    """How little a latent block [N, k] moves while its own label [N] stays and everything else varies, 0..1.

    1 - (mean over values of the label of the largest deviation there) / (largest deviation at all), after Suter et al.
    (arXiv 1811.00007, section 4). A continuous label is cut into ten bins with a straight line in each, and the
    largest deviation is the 99th percentile. The other variables should vary independently of the label.
    """
    known = np.isfinite(label)
    block, label = block[known].astype(np.float64), label[known].astype(np.float64)
    ends = np.quantile(label, np.linspace(0, 1, NUM_BINS + 1)[1:-1])
    bins = label.astype(int) if classes else np.searchsorted(ends, label)
    deviations = []
    for value in np.unique(bins):
        here = bins == value
        if here.sum() >= MIN_PER_BIN:
            # What a straight line leaves; the mean alone where the label does not vary.
            line = np.stack([np.ones(here.sum()), label[here] - label[here].mean()], 1)
            left = block[here] - line @ np.linalg.lstsq(line, block[here], rcond=None)[0]
            deviations.append(np.percentile(np.linalg.norm(left, axis=1), FAR))
    largest = np.percentile(np.linalg.norm(block - block.mean(0), axis=1), FAR)
    return float(1 - np.mean(deviations) / max(largest, 1e-12)) if deviations else np.nan


def _centred_kernel(x: np.ndarray) -> np.ndarray:
    """Gaussian kernel of rows [N, D] with the median squared distance as its width, centred."""
    squared = np.maximum(np.sum((x[:, None] - x[None]) ** 2, -1), 0)
    between = squared[squared > 0]
    kernel = np.exp(-squared / (np.median(between) if len(between) else 1))
    return kernel - kernel.mean(0) - kernel.mean(1)[:, None] + kernel.mean()


def hsic(a: np.ndarray, b: np.ndarray) -> float:
    """Normalised Hilbert-Schmidt independence criterion of rows [N, D] and [N, E] (arXiv 1905.00414, eq. 4), 0..1.

    0 means independent, up to a bias of the order 1 / N: compare with shuffled rows.
    """
    first, second = _centred_kernel(a.astype(np.float64)), _centred_kernel(b.astype(np.float64))
    return float(np.sum(first * second) / max(np.sqrt(np.sum(first**2) * np.sum(second**2)), 1e-12))


def calibration(u: np.ndarray, labels: np.ndarray, graph: CausalGraph) -> dict[str, dict]:
    """Is the abducted noise u [N, n, k] standard normal, and independent of its parents' labels [N, n]?

    For each variable: "ks", the mean over its dimensions of the Kolmogorov-Smirnov distance to N(0, 1); and for those
    with parents "hsic" with the parents' labels beside "hsic_shuffled", the same with rows shuffled; not for effects
    that are classes, whose u is what is read of them (`scm`).
    """
    from scipy.stats import kstest

    found = {}
    rng = np.random.default_rng(0)
    for i, (name, parents) in enumerate(zip(graph.names, graph.parents, strict=True)):
        found[name] = {"ks": float(np.mean([kstest(column, "norm").statistic for column in u[:, i].T]))}
        causes = labels[:, list(parents)]
        known = np.isfinite(causes).all(1)
        if parents and i not in graph.class_effects and known.sum() > 2:
            causes, noise = causes[known] / np.maximum(causes[known].std(0), 1e-12), u[known, i]
            found[name]["hsic"] = hsic(noise, causes)
            found[name]["hsic_shuffled"] = hsic(rng.permutation(noise), causes)
    return found
