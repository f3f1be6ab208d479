"""The benchmark's scores as Markdown: which row stands where, and what is not claimed."""

from cdae_jax.evaluation.morpho_report import PUBLISHED, report_text


def found(mean, low, high):
    return {"mean": mean, "interval": [low, high]}


ERRORS = {"thickness": found(0.25, 0.2, 0.3), "intensity": found(4.0, 3.0, 5.0), "digit": found(0.975, 0.95, 1.0)}
BY_MODEL = ERRORS | {"intensity_by_model": found(2.5, 2.0, 3.0)}
CYCLES = {"1": found(0.5, 0.4, 0.6), "10": found(1.5, 1.0, 2.0)}


def results(**protocol):
    told = {
        "num_images": 7, "test_set": "my digits", "judges": "judges", "judge_mode": "evaluation", "digit": "context",
        "is_own_rendering": True, "workdir": "runs/a", "step": 5, "solver": "ddim", "num_steps": 20, "revision": None,
        "abduction": "restore", "depth": 1.0, "guidance": 1.0, "corrections": 2,
    }  # fmt: skip
    measured = {"do(thickness)": BY_MODEL, "composition": CYCLES}
    return {
        "protocol": told | protocol,
        "published": PUBLISHED,
        "unchanged": {"do(thickness)": ERRORS},
        "labels_given": measured | {"composition_not_restored": CYCLES},
        "labels_read": measured,
        "real_images": ERRORS,
    }


def one_line(text):
    return " ".join(text.split())


def rows(text, start):
    return [line for line in text.splitlines() if line.startswith(f"| {start} |")]


def test_every_row_says_whose_it_is_and_what_nobody_measured_is_left_open():
    text = report_text(results())
    given, read, unchanged, theirs = rows(text, "do(thickness)")
    cells = "0.250 (0.200..0.300) | 4.00 (3.00..5.00) |"
    assert given == f"| do(thickness) | labels given | {cells} 2.50 (2.00..3.00) | 97.5% (95.0%..100.0%) |"
    assert read.startswith(f"| do(thickness) | labels read | {cells}")
    assert unchanged == f"| do(thickness) | factual image left unchanged | {cells} - | 97.5% (95.0%..100.0%) |"
    assert theirs == "| do(thickness) | VAE of the benchmark, its test set | 0.122 | 3.85 | - | 98.2% |"
    assert rows(text, "do(digit)") == ["| do(digit) | VAE of the benchmark, its test set | - | - | - | 75.0% |"]
    assert len(rows(text, "labels given, what is lost not restored")) == 1
    assert not rows(text, "labels read, what is lost not restored")


def test_rows_of_another_test_set_are_for_orientation_and_nothing_is_bold():
    own, theirs = report_text(results()), report_text(results(is_own_rendering=False))
    assert "our own rendering, not the benchmark's" in own and "compare if this is its test set" not in own
    assert "compare if this is its test set" in theirs and "**" not in own + theirs
    assert "revision unknown" in one_line(own) and "revision abc" in one_line(report_text(results(revision="abc")))


def test_what_is_known_of_the_digit_is_said():
    for digit, told in (
        ("variable", "a variable of the graph"),
        ("context", "a context"),
        ("unknown", "knows no digit"),
    ):
        assert told in one_line(report_text(results(digit=digit)))
