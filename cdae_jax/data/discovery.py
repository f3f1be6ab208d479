"""A graph learned from labels alone, to compare with the given one; nothing else uses it.

PC (Spirtes et al. 2000) of causal-learn with the test of `independence`. It assumes that no two variables have a hidden
common cause and that no dependence cancels out. If the given columns determine one of the two variables a test says
nothing, and their edge stays.
"""

import functools

import numpy as np

from cdae_jax.data.independence import conditional_test
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph

LEVEL = 0.05  # of each test by itself, as is usual for PC
PERMUTATIONS = 499
MISSING = 'a learned graph needs causal-learn, which is not installed: run pip install "cdae_jax[discovery]"'


def check_installed() -> None:
    """Raises InputError without causal-learn."""
    try:
        import causallearn  # noqa: F401
    except ImportError as err:
        raise InputError(MISSING) from err


def learn(labels: np.ndarray, classes: tuple[int, ...]) -> np.ndarray:
    """[n, n] bool from labels [N, n] without NaN: (i, j) for i -> j, and also (j, i) where the direction is open.

    classes: how many each column has, 0 for a number. Raises InputError without causal-learn.
    """
    check_installed()
    from causallearn.search.ConstraintBased.PC import pc
    from causallearn.utils.cit import CIT_Base, register_ci_test

    @functools.cache
    def p_value(first: int, second: int, given: tuple[int, ...]) -> float:
        p = conditional_test(labels, classes, first, second, given, PERMUTATIONS).p
        return p if np.isfinite(p) else 0.0

    class Test(CIT_Base):
        method = "cdae"

        def __call__(self, first, second, given=None):
            pair = sorted((int(first), int(second)))
            return p_value(*pair, tuple(sorted(map(int, given or ()))))

    register_ci_test("cdae", Test)
    marks = pc(labels, LEVEL, "cdae", show_progress=False).G.graph  # -1 a tail, 1 an arrow at the row's variable
    linked = (marks != 0) & (marks.T != 0)
    return linked & (marks <= marks.T)


def beside(learned: np.ndarray, graph: CausalGraph) -> list[str]:
    """A line of text for each edge of either graph; learned as `learn` returns it."""
    lines = []
    given = [(p, i) for i, parents in enumerate(graph.parents) for p in parents]
    for p, i in given:
        there, back = learned[p, i], learned[i, p]
        what = {(True, False): "kept", (True, True): "kept, its direction open", (False, True): "REVERSED"}
        lines.append(f"{graph.names[p]} -> {graph.names[i]}: {what.get((there, back), 'MISSING')}")
    for i, j in zip(*np.nonzero(learned), strict=True):
        both = learned[j, i]
        if (i, j) not in given and (j, i) not in given and (i < j or not both):
            lines.append(f"{graph.names[i]} {'--' if both else '->'} {graph.names[j]}: ADDED")
    return lines or ["no edge in either graph"]
