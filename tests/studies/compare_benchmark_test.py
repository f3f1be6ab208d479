"""Models scored by the benchmark's protocol in one table: every row, and scores that do not compare."""

import copy
import json

import pytest
from commands import run_here

from cdae_jax.errors import InputError
from cdae_jax.evaluation.morpho_report import PUBLISHED


def found(mean):
    return {"mean": mean, "interval": [mean, mean]}


def scores(thickness, **protocol):
    errors = {"thickness": found(thickness), "intensity": found(4.0), "digit": found(0.9)}
    measured = {"do(thickness)": errors, "composition": {"1": found(0.5), "10": found(1.5)}}
    told = {
        "num_images": 7, "test_set": "my digits", "test_images": "a", "judges": "judges", "judge_mode": "evaluation",
        "seed": 1, "step": 5, "solver": "ddim", "num_steps": 20, "revision": "abc", "abduction": "restore",
        "depth": 1.0, "corrections": 2,
    }  # fmt: skip
    return {
        "protocol": told | protocol,
        "published": PUBLISHED,
        "unchanged": {"do(thickness)": errors},
        "labels_given": measured,
        "labels_read": copy.deepcopy(measured),
        "real_images": errors,
        "train": {"steps": 5, "seconds": 90.0},
    }


@pytest.fixture
def compare(tmp_path):
    """Compares folders with these scores by name; returns the table."""

    def run(named, *flags):
        for name, one in named.items():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "benchmark.json").write_text(json.dumps(one))
        folders = ",".join(str(tmp_path / name) for name in named)
        run_here("compare", f"--workdirs={folders}", "--protocol=benchmark", f"--output={tmp_path}/c", *flags)
        return (tmp_path / "c.md").read_text()

    return run


def rows(text, start):
    return [line for line in text.splitlines() if line.startswith(f"| {start} |")]


def test_every_model_has_a_row_for_given_and_read_labels_beside_the_published_one(compare, tmp_path, capsys):
    text = compare({"ours": scores(0.1), "paper": scores(0.7)})
    told = [row.split(" | ")[1:4] for row in rows(text, "do(thickness)")]
    both = [["ours", "given"], ["ours", "read"], ["paper", "given"], ["paper", "read"]]
    assert [row[:2] for row in told[:4]] == both
    assert [row[2] for row in told[:4]] == ["0.100 (0.100..0.100)"] * 2 + ["0.700 (0.700..0.700)"] * 2
    assert [row[0] for row in told[4:]] == ["factual image left unchanged", "VAE of the benchmark, its test set"]
    assert "| VAE of the benchmark, its test set | labels given | 2.60 | 7.71 |" in text
    assert rows(text, "ours")[-1] == "| ours | 5 | 1.5 | ddim, 20 steps, restore, depth 1, corrections 2 | abc |"
    assert "**" not in text and text in capsys.readouterr().out
    assert list(json.loads((tmp_path / "c.json").read_text())) == ["ours", "paper"]


def test_an_intervention_that_one_model_does_not_know_has_rows_of_the_others(compare):
    more = scores(0.1)
    for part in ("unchanged", "labels_given", "labels_read"):
        more[part]["do(digit)"] = more[part]["do(thickness)"]
    text = compare({"context": scores(0.2), "variable": more})
    assert [row.split(" | ")[1] for row in rows(text, "do(digit)")[:2]] == ["variable", "variable"]


@pytest.mark.parametrize("field", ["test_images", "num_images", "judges", "judge_mode", "seed"])
def test_scores_that_do_not_compare_are_refused(compare, tmp_path, field):
    with pytest.raises(InputError, match=f"the scores differ in {field} .*'other' of b.*: score them alike"):
        compare({"a": scores(0.1), "b": scores(0.1, **{field: "other"})})
    assert not (tmp_path / "c.md").exists()


def test_a_folder_without_scores_and_a_name_given_twice_are_named(compare, tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="benchmark.json cannot be read .*: run cdae evaluate --workdir="):
        run_here("compare", f"--workdirs={tmp_path}/a", "--protocol=benchmark")
    for content, told in (
        ("[]", "has no test_images, num_images"),
        ('{"protocol": {"seed": 1}}', "has no test_images"),
    ):
        (tmp_path / "a" / "benchmark.json").write_text(content)
        with pytest.raises(InputError, match=f"benchmark.json {told}.*: it is not what cdae evaluate .* writes"):
            run_here("compare", f"--workdirs={tmp_path}/a", "--protocol=benchmark")
    with pytest.raises(InputError, match="--names gives x, x: expected another name for each"):
        compare({"a": scores(0.1), "b": scores(0.1)}, "--names=x,x")
