"""Imports go one way, up the floors of the house; below the commands nothing knows flags or config files."""

import ast
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "cdae_jax"
# Each room may import what stands on a lower floor, and nothing of its own floor but itself.
FLOORS = (
    {"compiled", "errors", "precision", "progress"},
    {"graph", "paths"},
    {"distributed", "diffusion"},
    {"data"},
    {"model"},
    {"objective", "counterfactual", "plots"},
    {"settings", "presets"},
    {"training"},
    {"inference"},
    {"profiling"},
    {"evaluation"},
    {"studies", "explorer"},
    {"commands"},
)
FLOOR_OF = {room: i for i, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def imports_of(path):
    """Every imported module, those of `from package import module` too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_of(path):
    """The rooms of the package that a file imports."""
    return {name.split(".")[1] for name in imports_of(path) if name.startswith("cdae_jax.")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_up_the_floors(path):
    room = room_of(path)
    for other in rooms_of(path) - {room}:
        assert FLOOR_OF[other] < FLOOR_OF[room], f"{room} imports {other}"


def test_what_takes_seconds_to_import_waits_until_it_is_used():
    """`import cdae_jax`, and the start of any command, took twice as long with them."""
    told = "import sys, cdae_jax; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    slow = {"grain", "matplotlib", "scipy.spatial", "scipy.stats", "sklearn", "tensorboardX"}
    assert not slow & set(done.stdout.split())


def modules_of(name):
    """A dotted name and the packages it lies in, as far as they are modules of ours."""
    parts = name.split(".")
    for length in range(2, len(parts) + 1):
        path = PACKAGE.joinpath(*parts[1:length]).with_suffix(".py")
        if parts[0] == "cdae_jax" and path.is_file():
            yield path


def test_no_modules_import_each_other_in_a_circle():
    below = {path: {found for name in imports_of(path) for found in modules_of(name)} - {path} for path in MODULES}
    while below:
        free = [path for path, imported in below.items() if not imported & below.keys()]
        assert free, f"a circle of imports among {sorted(str(path.relative_to(PACKAGE)) for path in below)}"
        for path in free:
            del below[path]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_below_the_commands_nothing_imports_flags_and_nothing_imports_configs(path):
    forbidden = {"configs", "experiments", "tensorflow"}
    if room_of(path) != "commands":
        forbidden |= {"absl", "ml_collections"}
    assert not {name.split(".")[0] for name in imports_of(path)} & forbidden


def test_only_checkpoint_imports_orbax():
    users = {path.name for path in MODULES if any(name.startswith("orbax") for name in imports_of(path))}
    assert users == {"checkpoint.py"}


def test_the_maths_knows_no_flax():
    for path in (*PACKAGE.glob("diffusion/*.py"), PACKAGE / "graph.py", PACKAGE / "counterfactual" / "label_fit.py"):
        roots = {name.split(".")[0] for name in imports_of(path)}
        assert not roots & {"flax"}, path
    for path in PACKAGE.glob("diffusion/*.py"):
        assert rooms_of(path) <= {"errors", "diffusion"}, path
