"""Documents and records: their size, their links and anchors, and the modules that they name."""

import functools
import inspect
import os
import pathlib
import re
import runpy
import subprocess
import sys
import types

import numpy as np
import pytest

from cdae_jax.inference.trained_model import TrainedModel

ROOT = pathlib.Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
RECORDS = ROOT / "results"
TABLES = sorted(RECORDS.glob("*/*.md"))
LINKING = [*PAGES, ROOT / "CHANGELOG.md", RECORDS / "README.md", *TABLES, *(ROOT / "docs").glob("*.ipynb")]
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$", re.MULTILINE)
MODULE = re.compile(r"[\w.-]+(?:/[\w.-]+)*/[\w-]+\.py\b")


def test_pictures_of_assumptions_are_drawn(tmp_path, monkeypatch):
    """With a model that leaves images as they are, since the package's own compiles for half a minute."""

    def unchanged(*given, **options):
        images = inspect.signature(TrainedModel.counterfactual).bind(None, *given, **options).arguments["images"]
        return types.SimpleNamespace(images=images, support=np.full(len(images), 50.0))

    monkeypatch.setattr("cdae_jax.load", lambda name: types.SimpleNamespace(counterfactual=unchanged))
    runpy.run_path(str(ROOT / "docs" / "assumptions_pictures.py"))["main"](tmp_path)
    drawn = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(drawn) == {"assumptions_labels.png", "assumptions_rows.png"} and min(drawn.values()) > 20_000


def _prose(text: str) -> str:
    """The text without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def _targets(page: pathlib.Path) -> list[str]:
    return [inline or defined for inline, defined in LINK.findall(_prose(page.read_text()))]


@functools.cache
def _anchors(page: pathlib.Path) -> set[str]:
    """As GitHub makes them: lower case, without punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", _prose(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _problem(page: pathlib.Path, target: str) -> str | None:
    """What is wrong with a link of a page, if it leads to a file of ours."""
    if re.match(r"https?://", target):
        return None
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists():
        return f"{page.name}: {target} leads to no file"
    if anchor and anchor not in _anchors(file):
        return f"{page.name}: {target} leads to no heading"
    return None


def test_a_newcomer_can_read_the_readme():
    lines = README.read_text().splitlines()
    assert len(lines) <= 180, f"README.md has {len(lines)} lines"
    long = [number for number, line in enumerate(lines, 1) if len(line) > 100]
    assert not long, f"lines of README.md have more than 100 characters: {long}"


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.name)
def test_pages_are_short_and_so_are_their_lines(page):
    """Rows of tables, and code, may be longer: they cannot be broken."""
    text = page.read_text()
    assert len(text.splitlines()) <= 150, f"{page.name} has {len(text.splitlines())} lines"
    long = [line for line in _prose(text).splitlines() if len(line) > 100 and not line.startswith("|")]
    assert not long, f"lines of {page.name} have more than 100 characters: {long}"


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_anchors_resolve(page):
    problems = [problem for target in _targets(page) if (problem := _problem(page, target))]
    assert not problems, "\n".join(problems)


def test_references_of_the_readme_are_defined():
    text = README.read_text()
    used, defined = set(re.findall(r"\]\[(\w+)\]", text)), set(re.findall(r"^\[(\w+)\]: ", text, re.MULTILINE))
    assert used == defined


def test_records_are_few_and_say_how_they_were_made():
    files = [path for path in RECORDS.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    size = sum(path.stat().st_size for path in files)
    assert len(files) <= 60 and size <= 3 * 2**20, f"results/ has {len(files)} files of {size} bytes"
    without = {page.parent.name for page in TABLES if not (page.parent / "command.sh").is_file()}
    assert not without, f"no command.sh in results/: {', '.join(sorted(without))}"
    lines = (RECORDS / "README.md").read_text().splitlines()
    long = [number for number, line in enumerate(lines, 1) if len(line) > 100]
    assert len(lines) < 100 and not long, f"results/README.md has {len(lines)} lines, too long ones: {long}"


def test_every_page_is_reached_from_the_readme():
    reached, left = set(), [README]
    while left:
        page = left.pop()
        reached.add(page)
        found = [(page.parent / target.partition("#")[0]).resolve() for target in _targets(page)]
        left += [other for other in found if other in PAGES and other not in reached]
    assert reached == set(PAGES), f"no link leads to {', '.join(page.name for page in set(PAGES) - reached)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_modules_that_are_named_exist(page):
    named = MODULE.findall(page.read_text())
    missing = {name for name in named if not any((ROOT / folder / name).is_file() for folder in ("", "cdae_jax"))}
    assert not missing, f"{page.name} names {', '.join(sorted(missing))}"


def test_the_site_is_built_without_a_warning_and_needs_no_other(tmp_path):
    """Of mkdocs, a link, an anchor or a page that is not there is a warning; of its parser, an argument that is not."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (built.returncode, built.stdout, built.stderr) == (0, "", "")
    assert "Trains a model on the user" in (tmp_path / "docs" / "api.html").read_text()
    pages = [page.read_text() for page in tmp_path.rglob("*.html")]
    assert len(pages) >= len(PAGES)
    for page in pages:
        assert not re.search(r'<(?:script|img|link)[^>]+(?:src|href)="?(?:https?:)?//', page)


def test_a_release_has_one_version():
    texts = [(ROOT / name).read_text() for name in ("setup.py", "CITATION.cff", "CHANGELOG.md")]
    patterns = (r'version="(.+)",', r"^version: (.+)$", r"^## ([\d.]+)")
    found = {re.search(pattern, text, re.MULTILINE)[1] for pattern, text in zip(patterns, texts, strict=True)}
    assert len(found) == 1, found
