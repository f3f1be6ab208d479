"""How all labels respond as the strength of a change grows, also those that should stay, beside a null edit.

A label read from the counterfactual image is compared with the truth, and with the label read from the model's own
reconstruction (the null intervention). The first comparison includes errors of reading and decoding; in the second they
cancel, which leaves what do() moves.
"""

import numpy as np

from cdae_jax.evaluation import metrics
from cdae_jax.evaluation.bench import Bench
from cdae_jax.evaluation.interventions import NUM_CYCLED, labels_under
from cdae_jax.graph import CausalGraph
from cdae_jax.progress import tqdm

STRENGTHS = (0.25, 0.5, 0.75, 1.0)


def measure_strength(bench: Bench) -> dict:
    """The null edit and, for each do(v = values drawn from the marginal), every strength, on NUM_CYCLED images.

    Each has by variable "error", to the truth, and "moved", from the reconstruction (for the null edit: from the
    factual image as read), with intervals, per standard deviation of the training labels; for classes the share that is
    wrong or changed. At strength w the truth is that of the value at w of the way; between two classes there is none,
    and the class and its descendants have None. "context", if any, has the share that the judge reads otherwise.
    """
    test, graph = bench.test.take(slice(0, NUM_CYCLED)), bench.dataset.graph
    null, _ = bench.counterfactual(test.images, {}, test.context)
    own, factual = _read(bench, null), _read(bench, test.images)

    def compared(read, true, start) -> dict:
        (labels, digits), (labels_at_start, digits_at_start) = read, start
        found = {"error": _errors(bench, labels, true), "moved": _errors(bench, labels, labels_at_start)}
        if test.context is not None:
            found["error"]["context"] = metrics.mean_with_interval((digits != test.context).astype(float))
            found["moved"]["context"] = metrics.mean_with_interval((digits != digits_at_start).astype(float))
        return found

    found = {"count": len(test), "null": compared(own, test.labels, factual), "do": {}}
    for name in tqdm(bench.model.graph.names, "strengths"):
        values = bench.draw_values(graph.index(name))[0][: len(test)]
        do, steps = bench.model.graph.spelled({name: values}), {}
        for w in STRENGTHS:
            asked = {"context": test.context, "options": bench.options, "strength": w}
            images, _ = bench.model.counterfactual(test.images, do, **asked)
            true = labels_under(bench.dataset, test.labels, {name: values}, strength=w)
            steps[f"{w:g}"] = compared(_read(bench, images), true, own)
        found["do"][f"do({name})"] = steps
    return found


def _read(bench: Bench, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Labels [N, n], and the class [N] of the context where the data have one."""
    labels = metrics.as_classes(bench.dataset.graph, bench.read(images))
    return labels, None if bench.test.context is None else bench.judge(images)[1]


def _errors(bench: Bench, read: np.ndarray, true: np.ndarray) -> dict[str, dict]:
    gaps = metrics.absolute_gaps(bench.dataset.graph, read, true, bench.sd)
    return {name: metrics.mean_with_interval(gaps[:, i]) for i, name in enumerate(bench.dataset.graph.names)}


def told(found: dict, graph: CausalGraph) -> tuple[list[str], list[str], list[list[str]]]:
    """Lines of the report on what `measure_strength` found, and the header and the rows of a table."""
    lines = [
        f"All labels as the strength of a change grows, {found['count']} images: the error to the truth and, in",
        "brackets, how far the label moved from that of the model's own reconstruction, as read (of the null edit:",
        "from that of the factual image), per standard deviation of the training labels; of classes the share that is",
        "wrong [that changed]. **Intervened** and *descendant* variables are marked; the others should not move.",
        "",
    ]
    names = list(found["null"]["error"])
    rows = [["null edit", "", *(_cell(found["null"], name) for name in names)]]
    for do, steps in found["do"].items():
        marks = {do[3:-1]: "**"} | dict.fromkeys(graph.descendants(do[3:-1]), "*")
        rows += [[do, w, *(_cell(step, name, marks.get(name, "")) for name in names)] for w, step in steps.items()]
    return lines, ["", "strength", *names], rows


def _cell(step: dict, name: str, mark: str = "") -> str:
    error, moved = (step[what][name]["mean"] for what in ("error", "moved"))
    return f"{mark}{'-' if error is None else f'{error:.3f}'}{mark} [{moved:.3f}]"
