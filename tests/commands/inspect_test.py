"""`cdae inspect`: what it says of the user's own images, and the sheet of them."""

import pathlib
import re

import pytest
from commands import assert_drawn, run_here

from cdae_jax.commands.make_example import write_example
from cdae_jax.errors import InputError


def test_an_example_can_be_looked_at(tmp_path, capsys):
    write_example(tmp_path / "example", 100, seed=0)
    config = f"--config=configs/custom.py:smoke,{tmp_path}/example/graph.json"
    files = (f"--config.data.images={tmp_path}/example/images", f"--config.data.labels={tmp_path}/example/labels.csv")
    run_here("inspect", config, *files, f"--output={tmp_path}/sheet.png")
    told = capsys.readouterr().out
    assert (
        "59 training, 22 validation and 19 test images of 16 x 16 x 3" in told
        and "too few to compare with the graph" in told
    )
    assert_drawn(tmp_path / "sheet.png")
    with pytest.raises(InputError, match="expected a .png file in a folder that exists"):
        run_here("inspect", config, *files, f"--output={tmp_path}/none/sheet.png")


def test_the_phantoms_of_the_medical_page_are_gray_and_split_by_patient(tmp_path, capsys, monkeypatch):
    page = pathlib.Path("docs/medical.md").read_text()
    made, shell = (re.search(f"```{language}\\n(.*?)```", page, re.DOTALL)[1] for language in ("python", "sh"))
    monkeypatch.chdir(tmp_path)
    exec(compile(made.replace("NUM = 300", "NUM = 40"), "docs/medical.md", "exec"), {})
    changes, given = shell.splitlines()[0].split('"')[1], shell.splitlines()[1].removesuffix("$ONE_SIDE")
    run_here("inspect", *given.split()[2:], *changes.split())
    told = capsys.readouterr().out
    assert "80 images of 96 x 120 are padded with black to 120 x 120 and resized to 32 x 32" in told
    counts = re.search(r"scans: (\d+) training, (\d+) validation and (\d+) test images of 32 x 32 x 1", told).groups()
    assert sum(map(int, counts)) == 80 and not any(int(count) % 2 for count in counts)


def test_the_shadow_of_the_pendulum_is_named_with_what_its_decoder_makes_of_it(capsys):
    run_here("inspect", "--config=pendulum:smoke")
    told = capsys.readouterr().out
    assert "length: its causes (angle, light) leave" in told and "so do(length) may change what they draw" in told
    run_here("inspect", "--config=pendulum:smoke", "--config.model.decoder=refiner")
    assert "its part 'shadow' is drawn without them" in capsys.readouterr().out


def test_a_learned_graph_is_shown_beside_the_given_one_on_request_only(capsys):
    pytest.importorskip("causallearn")
    run_here("inspect", "--config=pendulum:smoke", "--learned_graph")
    told = capsys.readouterr().out.partition("a graph learned from the labels alone (PC) beside this one")[2]
    assert re.search("^light -> length: (kept|MISSING|REVERSED)", told, re.MULTILINE)
    run_here("inspect", "--config=pendulum:smoke")
    assert "learned" not in capsys.readouterr().out
