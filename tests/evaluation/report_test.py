"""The report of an evaluation whose numbers are written out."""

import stripes

from cdae_jax.evaluation import report
from cdae_jax.evaluation.report import markdown_table, number, report_text


def measured(mean, physical=2.0):
    return {"normalised": mean, "interval": [mean - 0.01, mean + 0.01], "physical": physical, "count": 3}


def test_the_report_shows_every_intervention_with_intervals():
    errors = {name: measured(0.1) for name in stripes.GRAPH.names}
    both = {name: {**error, "predictor": measured(0.2, 4.0)} for name, error in errors.items()}
    spread = {"mean": 0.1, "interval": [0.05, 0.2], "count": 3}
    results = {
        "protocol": {
            "dataset": "X",
            "num_images": 3,
            "num_steps": 4,
            "solver": "ddim",
            "guidance": 1.0,
            "abduction": "noise",
            "corrections": 0,
            "fit_steps": 0,
            "decoder": "diffusion",
            "depth": 0.5,
            "reader": "direct measurement",
            "train_seed": 7,
            "revision": "abc",
        },
        "effectiveness": {"do(a)": both | {"mean_of_others": spread}},
        "mean_effectiveness": spread,
        "unchanged": {"do(a)": errors},
        "floor": {"factual": both, "do(a)": both},
        "mechanism": {"do(a)": {"b": errors["b"]}},
        "judge": {"validation": {"a": 0.03}, "rare": {"a": 0.2}},
        "train": {"steps": 5},
    }
    text = report_text(results, stripes.world())
    assert "| do(a) | **0.100** (0.090..0.110) [2] | *0.100* (0.090..0.110) [2] | 0.100 (0.090" in text
    assert text.count("| 0.100 (0.050..0.200) |") == 1  # the mean of the others
    assert "| do(a), read by the predictor | **0.200** (0.190..0.210) [4]" in text
    assert "3 test images\n\nDecoding: ddim, 4 steps from fresh noise at depth 0.5, guidance 1.\n" in text
    assert "a 0.030" in text and "labels occur together most rarely: a 0.200." in " ".join(text.split())
    assert "seed 7" in text
    for changed, told in (
        ({"abduction": "invert"}, "ddim, 4 steps each way to depth 0.5 (8 evaluations), guidance 1."),
        ({"corrections": 2}, "each way to depth 0.5 (16 evaluations), guidance 1, corrections 2."),
        ({"fit_steps": 3}, "guidance 1, corrections 2, labels fitted in 3 steps."),
        ({"decoder": "conv", "fit_steps": 0}, "# X: 3 test images Decoding: one pass."),
    ):
        results["protocol"] |= changed
        assert told in " ".join(report_text(results, stripes.world()).split())  # wherever its lines end


def test_prose_keeps_within_its_lines_and_tables_stay_as_they_are():
    words = " ".join(["word"] * 60)
    table = "| a | b |\n| --- | --- |\n| " + "x " * 80 + "| 1 |"
    text = report.wrapped(f"# {words}\n\n{words}\nlast\n\n- {words}\n- next\n\n{table}")
    heading, paragraph, items, kept = text.split("\n\n")
    assert heading == f"# {words}" and kept == table
    assert max(map(len, (paragraph + items).split("\n"))) <= report.WIDTH
    assert paragraph.split() == f"{words} last".split() and items.split("\n")[-1] == "- next"
    assert all(line.startswith(("- ", "  ")) for line in items.split("\n"))


def test_the_kinds_of_mechanisms_stand_where_they_are_drawn():
    results = {"kinds": {"b": "spline", "on": "class"}, "figures": {"files": ["dci.png", "mechanism_fits.png"]}}
    (line,) = report._mechanisms(results)
    assert line.startswith("- Mechanisms: spline of b, class of on.") and line.endswith("figures/mechanism_fits.png.")
    assert report._mechanisms(results | {"figures": {"files": []}}) == []


def test_a_table_has_a_rule_under_its_header_and_leaves_empty_cells_empty():
    assert markdown_table(["", "x"], [["a", "1"], ["", "2"]]) == ["| | x |", "| --- | --- |", "| a | 1 |", "| | 2 |"]


def test_numbers_stand_with_their_interval():
    assert number({"mean": 0.0374, "interval": [0.03, 0.04]}, 2) == "0.04 (0.03..0.04)"
    assert number({"normalised": None, "interval": [None, None]}) == "unknown"
