"""Graphs written in DOT (Graphviz) or as dagitty writes them: `digraph { size -> glow; }`, `dag { size -> glow }`."""

import re

from cdae_jax.errors import InputError
from cdae_jax.graph import NO_HIDDEN

SKIPPED = re.compile(r"^[^\S\n]*#[^\n]*|\s|//[^\n]*|/\*.*?\*/", re.DOTALL | re.MULTILINE)
ARROW = re.compile("<->|->|<-@?|@->|@-@|@?--@?")
TOKEN = re.compile(
    r'"(?:\\.|[^"\\])*"|\[(?:"(?:\\.|[^"\\])*"|[^\]"])*\]|[{};,=]|:(?:"(?:\\.|[^"\\])*"|(?:(?!--|->)[^\s\[\]{};,="<>])+)'
    rf'|{ARROW.pattern}|(?!#)(?:(?!--|->)[^\s\[\]{{}};,="<>:@])+'
)
OPTION = re.compile(r'("(?:\\.|[^"\\])*"|[^\s,;=\[\]"]+)(?:\s*=\s*("(?:\\.|[^"\\])*"|[^\s,;\]"]+))?')
START = re.compile(
    r'(?:strict\s+)?(digraph|graph|dag|pdag|mag|pag)\b\s*("(?:\\.|[^"\\])*"|[^\s{"]+)?\s*\{', re.IGNORECASE
)
HIDDEN = ("latent", "unobserved", "u")


def unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[:1] == '"' else text


def options_of(token: str) -> dict[str, str]:
    """'[unit="mm", latent]' -> {"unit": "mm", "latent": ""}"""
    return {unquoted(name).lower(): unquoted(value) for name, value in OPTION.findall(token[1:-1])}


class Reader:
    """What a text says: `nodes`, name -> options, in the order in which they appear, and `edges`, (cause, effect).

    Raises:
      InputError: another language, a broken text, hidden variables, or edges that do not say which end is the cause.
    """

    def __init__(self, text: str):
        start = START.match(text, _skip(text, 0))
        if start is None or start[1].lower() in ("pdag", "mag", "pag"):
            raise InputError(
                f"the graph is {text.strip()[:40]!r}...: expected a graph whose edges all have a direction, such as"
                " digraph { size -> glow } or dag { size -> glow }"
            )
        self.nodes: dict[str, dict[str, str]] = {}
        self.edges: list[tuple[str, str]] = []
        self._defaults: dict[str, dict[str, str]] = {"node": {}, "edge": {}, "graph": {}}
        self._tokens, at = [], _skip(text, start.end())
        while at < len(text):
            found = TOKEN.match(text, at)
            if found is None:
                raise InputError(f"the graph cannot be read from {text[at : at + 20]!r} on: put odd names in quotes")
            self._tokens.append(found[0])
            at = _skip(text, found.end())
        self._group()
        if self._tokens:
            raise InputError(f"the graph goes on with {self._tokens[0]!r} after its closing }}: give one graph alone")

    def _next(self) -> str:
        if not self._tokens:
            raise InputError("the graph ends before its closing }: is a part of the file missing?")
        return self._tokens.pop(0)

    def _peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _group(self) -> list[str]:
        """Everything up to the closing }, where its defaults end; returns the names in it."""
        names, outside = [], self._defaults
        self._defaults = dict(outside)
        while (token := self._next()) != "}":
            if token in ";,":
                continue
            if self._peek() == "=":  # of the graph itself
                self._tokens[:2] = []
                continue
            if token.lower() in self._defaults and self._peek().startswith("["):
                self._defaults[token.lower()] = self._defaults[token.lower()] | options_of(self._next())
                continue
            names += self._chain(token)
        self._defaults = outside
        return names

    def _operand(self, token: str) -> list[str]:
        if token == "subgraph":
            token = self._next()
            token = token if token == "{" else self._next()
        if token == "{":
            return self._group()
        if token in "};,=" or token[0] in "[:" or ARROW.fullmatch(token):
            raise InputError(f"the graph has {token!r} where a name was expected: put odd names in quotes")
        name = unquoted(token)
        if name not in self.nodes:
            self.nodes[name] = {key: self._defaults["node"][key] for key in self._defaults["node"] if key != "label"}
            self._check_seen(name, self.nodes[name])
        if self._peek().startswith(":"):  # where an arrow meets a box
            self._next()
        return [name]

    def _chain(self, token: str) -> list[str]:
        """a -> b <- {c d} [options]"""
        ends, arrows = [self._operand(token)], []
        while ARROW.fullmatch(self._peek()):
            arrows.append(self._next())
            ends.append(self._operand(self._next()))
        options = {}
        while self._peek().startswith("["):
            options |= options_of(self._next())
        direction = _direction(self._defaults["edge"] | options)
        if not arrows:
            for name in ends[0]:
                self.nodes[name] |= options
                self._check_seen(name, options)
        for left, arrow, right in zip(ends, arrows, ends[1:], strict=False):
            for a in left:
                for b in right:
                    self.edges.append(_directed(a, arrow, b, direction))
        return [name for names in ends for name in names]

    def _check_seen(self, name: str, options: dict[str, str]) -> None:
        if options.get("observed", "").lower() in ("no", "false") or any(word in options for word in HIDDEN):
            raise InputError(f"the graph says that nobody sees {name!r}: {NO_HIDDEN}")


def _skip(text: str, at: int) -> int:
    while found := SKIPPED.match(text, at):
        at = found.end()
    return at


def _direction(options: dict[str, str]) -> str:
    direction = options.get("dir", "").lower()
    end = {"": "arrowhead", "forward": "arrowhead", "back": "arrowtail"}.get(direction, "")
    return "none" if options.get(end, "").lower() == "none" else direction


def _directed(a: str, arrow: str, b: str, direction: str) -> tuple[str, str]:
    if arrow == "->" and direction in ("", "forward"):
        return a, b
    if (arrow, direction) in (("<-", ""), ("->", "back")):
        return b, a
    if arrow in ("<->", "@-@") or direction == "both":
        raise InputError(
            f"the graph has {a} <-> {b}, a hidden common cause, which cannot be learned: leave it out (the two then"
            " share noise that nothing explains), or add the cause as a variable with labels"
        )
    arrow = "--" if direction == "none" else arrow
    raise InputError(
        f"the graph has {a} {arrow} {b}, which does not say which is the cause: write {a} -> {b} or {b} -> {a}"
    )
