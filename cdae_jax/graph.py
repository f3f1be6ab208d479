"""The causal graph: names, kinds, units, parents, and how labels of classes are spelled."""

import dataclasses
import difflib
import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping

import networkx as nx
import numpy as np

from cdae_jax.errors import InputError

KINDS = ("continuous", "binary", "categorical")
AUTO = "auto"  # the kind is still to be read from the table of labels
CLASS = "class"  # the mechanism of an effect that is a class, see `model.scm`
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
NO_AND_YES = (("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("off", "on"))
ZERO_AND_ONE = (("0", "1"), ("-1", "1"))  # other spellings that False and True may stand for
NO_HIDDEN = (
    "every variable needs labels, since hidden causes are not supported: take it out of the graph (its children then"
    " share noise that nothing explains)"
)


@dataclasses.dataclass(frozen=True)
class Variable:
    """One causal variable.

    Inside the package class labels are codes 0, 1, ...; `codes` gets them from the user's spelling, `spell` goes back.

    Attributes:
      name: what `do`, tables and files call it.
      parents: names of its direct causes.
      kind: "continuous", "binary" or "categorical" (classes); "auto" until the table of labels tells.
      unit: physical unit of its labels, for display ("deg", "px"); "" if it has none.
      classes: number of values of a categorical variable, 0 until the table tells; 2 for a binary one, 0 for a
        continuous one.
      part: the part of the image that it draws ("shadow"), together with the other variables that name it; a
        `PartsDecoder` draws each part by itself.
      values: how its classes are spelled, in the order of their codes ("cat", "dog"); () where they are 0, 1, ...
      mechanism: the kind of its mechanism where one is chosen for it (`scm.MECHANISMS`, AUTO or CLASS); "" for the
        model's.
    """

    name: str
    parents: tuple[str, ...] = ()
    kind: str = "continuous"
    unit: str = ""
    classes: int = 0
    part: str = ""
    values: tuple[str, ...] = ()
    mechanism: str = ""

    def __post_init__(self):
        if self.kind == AUTO and self.values:
            object.__setattr__(self, "kind", "binary" if len(self.values) == 2 else "categorical")
        if self.kind == "binary":
            object.__setattr__(self, "classes", 2)
        elif self.kind == "categorical" and not self.classes:
            object.__setattr__(self, "classes", len(self.values))

    @functools.cached_property
    def words(self) -> tuple[str, ...]:
        """The spelling of each class; () if it has none."""
        return self.values or tuple(map(str, range(self.classes)))

    def codes(self, given) -> np.ndarray:
        """Labels as the table spells them, one or an array -> float64 of the same shape: numbers, or codes of classes.

        A class may be named by its word in any case, by its number, or as True or False where its words mean that.
        Raises InputError for a label that is not a finite number, or not one of the classes.
        """
        try:
            given = np.asarray(given)
        except ValueError as err:
            raise InputError(f"{given!r} are lists of different lengths") from err
        if self.classes:
            known = {}  # few classes, many labels
            found = [known[x] if x in known else known.setdefault(x, self._code(x)) for x in given.ravel().tolist()]
            return np.array(found, np.float64).reshape(given.shape)
        try:
            numbers = given.astype(np.float64) if given.dtype.kind in "biufO" else np.full(given.shape, np.nan)
        except (TypeError, ValueError):
            numbers = np.full(given.shape, np.nan)
        if not np.isfinite(numbers).all():
            raise InputError(f"{given.tolist()!r} is no finite number")
        return numbers

    def _code(self, given) -> int:
        word, words = plain(given).casefold(), tuple(word.casefold() for word in self.words)
        if word in words:
            return words.index(word)
        if word in ("false", "true") and words in (*NO_AND_YES, *ZERO_AND_ONE):
            return int(word == "true")
        if not word.startswith("+") and (number := as_number(word)) is not None:
            numbers = [as_number(word) for word in words]
            if number in numbers:
                return numbers.index(number)
            if number in (0, 1) and words in NO_AND_YES:
                return int(number)
        raise InputError(
            f"{given!r} is no class of {self.name!r}, whose classes are {', '.join(self.words)}"
            f"{did_you_mean(word, words)}"
        )

    def spell(self, label: float) -> str:
        """A label as the table spells it: the word of the class whose code is nearest, or the number."""
        if not self.classes or not np.isfinite(label):
            return f"{label:.4g}"
        return self.words[int(np.clip(np.rint(label), 0, self.classes - 1))]


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
            if var.kind not in (*KINDS, AUTO):
                raise InputError(f"variable {var.name!r} has kind {var.kind!r}: expected one of {', '.join(KINDS)}")
            if type(var.classes) is not int or var.classes < 0 or (var.kind == "categorical" and var.classes == 1):
                raise InputError(f"the variable {var.name!r} has classes={var.classes!r}: expected 2 or more")
            if var.kind not in ("binary", "categorical") and (var.classes or var.values):
                raise InputError(
                    f"the {var.kind} variable {var.name!r} has classes={var.classes!r}: leave them out, or say"
                    ' "kind": "categorical"'
                )
            words = {word.casefold() for word in var.values}
            if var.values and not len(words) == len(var.values) == var.classes:
                raise InputError(
                    f"the variable {var.name!r} has {var.classes} classes and the values {', '.join(var.values)}:"
                    " expected a different one for each class"
                )
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
    def class_effects(self) -> tuple[int, ...]:
        """Indices of the effects that are classes: variables with parents and the mechanism CLASS."""
        return tuple(i for i, var in enumerate(self.variables) if var.parents and var.mechanism == CLASS)

    @functools.cached_property
    def most_classes(self) -> int:
        """Dimensions that the code of a class takes: the most classes of any categorical variable, 1 without one."""
        return max([var.classes for var in self.variables if var.kind == "categorical"], default=1)

    @functools.cached_property
    def parts(self) -> tuple[tuple[int, ...], ...]:
        """Indices of the variables of each part of the image; those that name no part form one together."""
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

    def __str__(self) -> str:
        """Its edges, "cause -> effect", one a line, and what has none."""
        edges = [f"{parent} -> {var.name}" for var in self.variables for parent in var.parents]
        linked = {name for var in self.variables if var.parents for name in (var.name, *var.parents)}
        return "\n".join([*edges, *(f"{name} (no edge)" for name in self.names if name not in linked)])

    def index(self, name: str) -> int:
        """Position of a variable. Raises InputError for an unknown name."""
        if name not in self.names:
            raise InputError(
                f"there is no variable {name!r}; the graph has {', '.join(self.names)}{did_you_mean(name, self.names)}"
            )
        return self.names.index(name)

    def descendants(self, name: str) -> tuple[str, ...]:
        """Names of the strict descendants of a variable. Raises InputError for an unknown name."""
        return tuple(self.names[i] for i in sorted(nx.descendants(self._edges, self.index(name))))

    def with_mechanisms(self, kinds: Mapping[str, str]) -> "CausalGraph":
        """A copy of the graph in which the named variables have these mechanisms."""
        changed = (dataclasses.replace(var, mechanism=kinds.get(var.name, var.mechanism)) for var in self.variables)
        return CausalGraph(tuple(changed))

    def to_list(self) -> list[dict]:
        """Plain data for JSON; `from_list` reads it back."""
        return [
            dataclasses.asdict(var) | {"parents": list(var.parents), "values": list(var.values)}
            for var in self.variables
        ]

    def to_dict(self) -> dict[str, dict]:
        """Name -> the rest of its plain data, as settings store it."""
        return {spec.pop("name"): spec for spec in self.to_list()}

    @classmethod
    def from_list(cls, variables: Iterable[Mapping]) -> "CausalGraph":
        """Graph from [{"name": ..., "parents": [...], "kind": ..., "unit": ...}, ...]; all but the name optional.

        Raises InputError for another form, such as parents that are one string.
        """
        built = []
        for spec in variables:
            fields = {field.name for field in dataclasses.fields(Variable)}
            unknown = sorted(set(spec) - fields)
            if unknown or "name" not in spec:
                raise InputError(
                    f"a variable of the graph is given as {dict(spec)}: expected the keys {sorted(fields)}"
                )
            lists = {key: spec.get(key) or () for key in ("parents", "values")}
            for key, given in lists.items():
                if isinstance(given, str) or not isinstance(given, Iterable):
                    raise InputError(
                        f"the {key} of the variable {spec['name']!r} are {given!r}: expected a list such as"
                        f' ["{given if isinstance(given, str) else "name"}"]'
                    )
            built.append(Variable(**{**spec, **{key: tuple(given) for key, given in lists.items()}}))
        return cls(tuple(built))

    def spelled(self, do: Mapping) -> dict:
        """`do` with codes of classes, one or [N], replaced by words. Raises InputError for an unknown variable."""
        return {name: self._spelled(name, value) for name, value in do.items()}

    def _spelled(self, name: str, value):
        var = self.variables[self.index(name)]
        if not var.classes or np.asarray(value).dtype.kind not in "biuf":
            return value
        return np.vectorize(var.spell, otypes=[object])(value) if np.ndim(value) else var.spell(value)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?" for the closest known word, or ""."""
    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def plain(text) -> str:
    """The text without space around it, its letters in composed form (Unicode NFC)."""
    return unicodedata.normalize("NFC", str(text)).strip()


def as_number(text: str) -> float | None:
    """The finite number that a text spells, else None: "1_0", "inf" and "0x1f" are no numbers here."""
    number = float(text) if NUMBER.fullmatch(text) else np.inf
    return number if np.isfinite(number) else None


def as_file_name(name: str) -> str:
    """A name with characters that no file name may hold as "=" and hex code: "width/height" -> "width=2Fheight"."""
    return re.sub(r'[/\\:*?"<>|=\x00-\x1f]', lambda found: f"={ord(found[0]):02X}", name)
