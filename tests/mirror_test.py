"""Every module has the test file of its name, in the folder of its room, and no test file has lost its module."""

import pathlib

TESTS = pathlib.Path(__file__).parent
PACKAGE = TESTS.parent / "cdae_jax"
# Of no module alone.
ALONE = {
    "golden": "what the shipped model answers, recorded",
    "inference/shipped": "the shipped model, obeying, and in a wheel",
    "inference/xla_flags": "what importing the package tells XLA",
    "notebooks": "the code of the tutorials",
    "documents": "lines, links and paths of the documents",
    "layering": "imports of all modules",
    "mirror": "names of all test files",
    "pytorch_twin": "experiments/pytorch_twin.py",
    "model/scm_classes": "the causal model once more, with effects that are classes",
}
# Names such as "model/scm"; of packages, whose __init__ may have a test file, such as "presets/sweeps".
MODULES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.py") if path.stem != "__init__"
}
PACKAGES = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("__init__.py")}
TESTED = {path.relative_to(TESTS).as_posix().removesuffix("_test.py") for path in TESTS.rglob("*_test.py")}


def test_every_module_has_the_test_file_of_its_name():
    missing = MODULES - TESTED
    assert not missing, f"write {', '.join(f'tests/{name}_test.py' for name in sorted(missing))}"


def test_no_test_file_is_of_a_module_that_is_gone():
    lost = TESTED - MODULES - PACKAGES - set(ALONE)
    assert not lost, f"move the tests of {', '.join(f'tests/{name}_test.py' for name in sorted(lost))}"


def test_what_is_of_no_module_is_there():
    assert set(ALONE) <= TESTED - MODULES
