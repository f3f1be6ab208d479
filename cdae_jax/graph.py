"""The causal graph: names, kinds, units, parents."""

import dataclasses
import difflib
import functools
from collections.abc import Iterable, Mapping

import networkx as nx
import numpy as np

from cdae_jax.errors import InputError

KINDS = ("continuous", "binary", "categorical")


@dataclasses.dataclass(frozen=True)
class Variable:
    """One causal variable.

    Attributes:
      name: what `do`, tables and files call it.
      parents: names of its direct causes.
      kind: "continuous", "binary" (labels and do values are 0 or 1) or "categorical" (whole numbers from 0).
      unit: physical unit of its labels, for display ("deg", "px"); "" if it has none.
      classes: number of values of a categorical variable; 2 for a binary one, 0 for a continuous one.
      part: what of the image it draws, together with the other variables that name the same ("shadow"); models with
        `parts` draw each by itself.
    """

    name: str
    parents: tuple[str, ...] = ()
    kind: str = "continuous"
    unit: str = ""
    classes: int = 0
    part: str = ""

    def __post_init__(self):
        if self.kind == "binary":
            object.__setattr__(self, "classes", 2)


@dataclasses.dataclass(frozen=True)
class CausalGraph:
    """A directed acyclic graph over named variables; index i is the position in `variables`.

    Raises:
      InputError: empty graph, duplicate or empty name, unknown kind or parent, repeated parent, cycle.
    """

    variables: tuple[Variable, ...]

    def __post_init__(self):
        if not self.variables:
            raise InputError("the graph has no variables: name at least one")
        names = self.names
        for i, var in enumerate(self.variables):
            if not isinstance(var.name, str) or not var.name:
                raise InputError(f"variable {i} has the name {var.name!r}: give it a non-empty string")
            if var.name in names[:i]:
                raise InputError(f"two variables are called {var.name!r}: rename one of them")
            if var.kind not in KINDS:
                raise InputError(f"variable {var.name!r} has kind {var.kind!r}: expected one of {', '.join(KINDS)}")
            if var.kind == "categorical" and (type(var.classes) is not int or var.classes < 2):
                raise InputError(
                    f"the categorical variable {var.name!r} has classes={var.classes!r}: expected 2 or more"
                )
            if var.kind == "continuous" and var.classes != 0:
                raise InputError(f"the continuous variable {var.name!r} has classes={var.classes!r}: leave them out")
            for parent in var.parents:
                if parent not in names:
                    raise InputError(
                        f"variable {var.name!r} names the parent {parent!r}, which is not in the graph"
                        f" ({', '.join(names)}){did_you_mean(parent, names)}"
                    )
            if len(set(var.parents)) < len(var.parents):
                raise InputError(f"variable {var.name!r} repeats a parent in {list(var.parents)}: name each once")
        _ = self.order  # raises on a cycle

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(var.name for var in self.variables)

    @functools.cached_property
    def parents(self) -> tuple[tuple[int, ...], ...]:
        """Indices of the parents of each variable."""
        return tuple(tuple(self.names.index(p) for p in var.parents) for var in self.variables)

    @functools.cached_property
    def parts(self) -> tuple[tuple[int, ...], ...]:
        """Indices of the variables that draw each part of the image."""
        names = dict.fromkeys(var.part for var in self.variables)
        return tuple(tuple(i for i, var in enumerate(self.variables) if var.part == name) for name in names)

    @functools.cached_property
    def _edges(self) -> nx.DiGraph:
        """Indices, every edge from cause to effect."""
        return nx.from_dict_of_lists(dict(enumerate(self.parents)), nx.DiGraph).reverse()

    @functools.cached_property
    def order(self) -> tuple[int, ...]:
        """Indices in a topological order: level by level, parents before their children, each level by index."""
        try:
            return tuple(i for level in nx.topological_generations(self._edges) for i in sorted(level))
        except nx.NetworkXUnfeasible as err:
            cycle = [self.names[cause] for cause, _ in nx.find_cycle(self._edges)]
            path = " -> ".join([*cycle, cycle[0]])
            raise InputError(f"the graph has the cycle {path}: remove one of these edges") from err

    @functools.cached_property
    def ancestor_matrix(self) -> np.ndarray:
        """[n, n] bool; entry (i, j) says whether j is a strict ancestor of i."""
        return nx.to_numpy_array(nx.transitive_closure_dag(self._edges), range(len(self)), dtype=bool).T

    def __len__(self) -> int:
        return len(self.variables)

    def index(self, name: str) -> int:
        """Position of a variable. Raises InputError for an unknown name."""
        if name not in self.names:
            raise InputError(
                f"there is no variable {name!r}; the graph has {', '.join(self.names)}{did_you_mean(name, self.names)}"
            )
        return self.names.index(name)

    def descendants(self, name: str) -> tuple[str, ...]:
        """Names of the strict descendants of a variable."""
        return tuple(self.names[i] for i in sorted(nx.descendants(self._edges, self.index(name))))

    def to_list(self) -> list[dict]:
        """Plain data for JSON; `from_list` reads it back."""
        return [dataclasses.asdict(var) | {"parents": list(var.parents)} for var in self.variables]

    @classmethod
    def from_list(cls, variables: Iterable[Mapping]) -> "CausalGraph":
        """Graph from [{"name": ..., "parents": [...], "kind": ..., "unit": ...}, ...]; all but the name optional."""
        built = []
        for spec in variables:
            fields = {field.name for field in dataclasses.fields(Variable)}
            unknown = sorted(set(spec) - fields)
            if unknown or "name" not in spec:
                raise InputError(
                    f"a variable of the graph is given as {dict(spec)}: expected the keys {sorted(fields)}"
                )
            built.append(Variable(**{**spec, "parents": tuple(spec.get("parents", ()))}))
        return cls(tuple(built))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?" for the closest known word, or ""."""
    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
