"""What a user looks at before training: counts, label statistics, and what the labels say of the graph."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from cdae_jax.data import discovery
from cdae_jax.data.independence import Found, conditional_test, holm
from cdae_jax.data.labels import shown
from cdae_jax.graph import CausalGraph

LEVEL = 0.05  # of all tests together
MAX_ROWS = 2000
MIN_ROWS = 50
FEW, MANY = 10, 3  # at most FEW different whole numbers, each in MANY rows or more, may be classes


class Claim(NamedTuple):
    """What the graph says of two variables: an edge from the first to the second, so that they depend given the
    second's other causes; or that they are independent given the causes of the first (the local Markov property)."""

    first: int
    second: int
    given: tuple[int, ...]
    is_edge: bool


def claims(graph: CausalGraph) -> list[Claim]:
    """All edges, then independences that imply all others, one for every pair without an edge."""
    pairs = [(p, i) for i, parents in enumerate(graph.parents) for p in parents]
    edges = [Claim(p, i, tuple(q for q in graph.parents[i] if q != p), True) for p, i in pairs]
    return edges + [
        Claim(i, j, graph.parents[i], False)
        for place, i in enumerate(graph.order)
        for j in graph.order[:place]
        if j not in graph.parents[i]
    ]


def reversible(graph: CausalGraph) -> list[str]:
    """Edges, "cause -> effect", whose reverse implies the same independences (covered edges; Chickering 1995)."""
    return [
        f"{graph.names[p]} -> {graph.names[i]}"
        for i, parents in enumerate(graph.parents)
        for p in parents
        if {*graph.parents[p], p} == {*parents}
    ]


def check(labels: np.ndarray, graph: CausalGraph) -> list[tuple[Claim, Found]]:
    """Every claim of the graph tested on labels [N, n] without NaN, p corrected for the number of tests."""
    asked, classes = claims(graph), tuple(var.classes for var in graph.variables)
    permutations = max(999, 40 * len(asked))
    found = [conditional_test(labels, classes, *claim[:3], permutations) for claim in asked]
    corrected = holm([one.p for one in found])
    return [(claim, one._replace(p=float(p))) for claim, one, p in zip(asked, found, corrected, strict=True)]


def _verdict(claim: Claim, found: Found, graph: CausalGraph) -> str:
    first, second = graph.names[claim.first], graph.names[claim.second]
    if not np.isfinite(found.p):
        return "cannot be tested: what is given determines one of the two"
    if claim.is_edge:
        return "seen in the labels" if found.p <= LEVEL else "NOT SEEN: is this edge needed, or are the images too few?"
    if found.p > LEVEL:
        return "nothing against it"
    back = "" if graph.ancestor_matrix[claim.first, claim.second] else f" or {first} -> {second}"
    return f"CONTRADICTED: an edge {second} -> {first}{back} is missing, or they have a common cause"


def told(checked: list[tuple[Claim, Found]], graph: CausalGraph, num: int) -> list[str]:
    """Lines of text on what `check` found on `num` images."""
    tests = sum(np.isfinite(found.p) for _, found in checked)
    lines = [
        f"what the graph says, tested on {num} images: mutual information in nats, and p, how likely chance alone shows"
        f" as much, corrected for {tests} tests (Holm); below {LEVEL} it is taken for real"
    ]
    for claim, found in checked:
        first, second = graph.names[claim.first], graph.names[claim.second]
        given = f" given {', '.join(graph.names[i] for i in claim.given)}" if claim.given else ""
        what = f"{first} -> {second}{given}" if claim.is_edge else f"{first} independent of {second}{given}"
        number = f"{found.nats:.2f}, p = {found.p:.2g}: " if np.isfinite(found.p) else ""
        lines.append(f"{what}: {number}{_verdict(claim, found, graph)}")
    if either := reversible(graph):
        lines.append(f"their reverse would imply the same, so no label tells the direction of: {', '.join(either)}")
    return lines


def summary(labels: np.ndarray, graph: CausalGraph) -> str:
    """The edges, a line of statistics for each variable, how often each class occurs, and numbers that may be classes;
    arguments as for `describe`."""
    rows, notes = [], []
    for var, column in zip(graph.variables, labels.T, strict=True):
        known = column[np.isfinite(column)]
        values, counts = np.unique(known, return_counts=True)
        row = [var.kind, var.unit or "-", str(len(known)), "-", "-", "-", "-"]
        if var.classes:
            told = (f"{var.spell(value)} {count}" for value, count in zip(values, counts, strict=True))
            notes.append(f"{var.name}, images of each class: {', '.join(told)}")
        elif len(known):
            mean, low, high = (shown(end, values[0], values[-1]) for end in (known.mean(), values[0], values[-1]))
            row[3:] = [mean, f"{known.std():.4g}", low, high]
            if len(values) <= FEW and counts.min() >= MANY and (values == np.rint(values)).all():
                notes.append(
                    f"{var.name} has {len(values)} different whole numbers: if they are classes, say so in the graph"
                    ' ("kind": "categorical")'
                )
        rows.append(row)
    header = pd.Index(["kind", "unit", "labelled", "mean", "sd", "lowest", "highest"], name="variable")
    return "\n".join(
        ["edges, cause -> effect", str(graph), "", pd.DataFrame(rows, graph.names, header).to_string(), *notes]
    )


def describe(labels: np.ndarray, was_set: np.ndarray, graph: CausalGraph, learned: bool = False) -> str:
    """`summary` and what the labels say of the graph, as text. labels [N, n] physical (classes: codes), NaN where
    unlabelled, in the graph's order, whose kinds are resolved; with a learned graph beside it if asked
    (`discovery.learn`, whose errors it raises). Images in which a variable was set [N, n] say nothing of the graph."""
    table = pd.DataFrame(labels.astype(np.float64)[~was_set.any(1)], columns=graph.names)
    lines = [summary(labels.astype(np.float64), graph)]
    whole = table.dropna()
    if len(whole) < MIN_ROWS:
        which = " in which nothing was set" if was_set.any() else ""
        few = f"only {len(whole)} images{which} have every label: too few to compare with the graph"
        return "\n".join([*lines, "", few])
    lines += ["", "correlation of the labels", whole.corr().to_string(float_format="{:.3f}".format)]
    rows = whole.to_numpy()[np.random.default_rng(0).permutation(len(whole))[:MAX_ROWS]]
    lines += ["", *told(check(rows, graph), graph, len(rows))]
    if learned:
        found = discovery.learn(rows, tuple(var.classes for var in graph.variables))
        says = "a graph learned from the labels alone (PC) beside this one, a suggestion that nothing here uses"
        lines += ["", says, *discovery.beside(found, graph)]
    return "\n".join(lines)
