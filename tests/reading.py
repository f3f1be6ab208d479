"""Which settings the package reads, by its source."""

import ast
import functools
import pathlib

PACKAGE = pathlib.Path(__file__).parent.parent / "cdae_jax"
# They describe and check settings; what is read there alone changes nothing.
OF_SETTINGS = {PACKAGE / "settings" / name for name in ("checks.py", "retired.py", "sections.py")}


@functools.cache
def reads():
    """Every (owner, attribute) that is read as owner.attribute or x.owner.attribute."""
    found = set()
    for path in set(PACKAGE.rglob("*.py")) - OF_SETTINGS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                owner = getattr(node.value, "id", getattr(node.value, "attr", None))
                found.add((owner, node.attr))
    return found
