"""Imports go one way: the library knows no flags, no config files, and one file knows Orbax."""

import ast
import pathlib

PACKAGE = pathlib.Path(__file__).parent.parent / "cdae_jax"


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def test_the_library_imports_no_flags_and_no_configs():
    for path in PACKAGE.rglob("*.py"):
        roots = {name.split(".")[0] for name in imports_of(path)}
        assert not roots & {"absl", "ml_collections", "configs", "experiments", "tensorflow"}, path


def test_only_checkpoint_imports_orbax():
    users = {path.name for path in PACKAGE.rglob("*.py") if any(n.startswith("orbax") for n in imports_of(path))}
    assert users == {"checkpoint.py"}


def test_the_maths_knows_no_flax():
    for name in ("graph.py", "diffusion.py", "ddim.py", "fit.py", "metrics.py"):
        assert not any(module.startswith("flax") for module in imports_of(PACKAGE / name)), name
