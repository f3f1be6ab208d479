"""An evaluation of models of a small world: what is measured, what is kept, and for which model."""

import dataclasses
import json
import types

import numpy as np
import pytest
import stripes

from cdae_jax.commands.sweep_plan import Run
from cdae_jax.errors import InputError
from cdae_jax.evaluation import bench as benches
from cdae_jax.evaluation import evaluate as module
from cdae_jax.evaluation import figures
from cdae_jax.studies.compare import measures, table


def draw_fits(bench):
    (bench.figures / "mechanism_fits.png").touch()
    return "mechanism_fits.png"


@pytest.fixture
def evaluate(monkeypatch, tmp_path):
    """Evaluates the world of stripes; the model and the data may be others."""

    def run(model=None, data=None, output="out", validation=None, **options):
        monkeypatch.setattr(module, "load", lambda _: model or stripes.OfTheTruth())
        monkeypatch.setattr(module, "dataset_of", lambda *_: data or stripes.world())
        monkeypatch.setattr(benches, "cached_judge", lambda *_: stripes.Pixels(validation))
        monkeypatch.setattr(figures, "draw_fits", draw_fits)  # the model of the truth has no network
        return module.evaluate(tmp_path / "run", output=output and tmp_path / output, num_images=8, **options)

    return run


def no_nan(text):
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))


def test_a_whole_evaluation_of_a_model_of_the_truth(evaluate, tmp_path):
    found = evaluate()
    assert no_nan((tmp_path / "out" / "metrics.json").read_text()) == found
    dos = ["do(a)", "do(b)", "do(c)"]
    for section in ("effectiveness", "unchanged", "mechanism", "realism", "minimality", "reversibility"):
        assert list(found[section]) == dos
    assert list(found["floor"]) == ["factual", *dos]
    assert found["mean_effectiveness"] == {"mean": 0, "interval": [0, 0], "count": 8}
    assert found["protocol"]["num_images"] == 8 and found["protocol"]["reader"] == "direct measurement"
    assert found["judge"]["validation"] == {"a": 0.03} and found["train"] == {"steps": 20}
    assert list(found["strength"]["do"]) == dos and "null edit" in (tmp_path / "out" / "report.md").read_text()
    assert "| do(a) | **0.000** (0.000..0.000) [0] |" in (tmp_path / "out" / "report.md").read_text()
    pixels = next(line for line in (tmp_path / "out" / "report.md").read_text().splitlines() if "0.00000 (" in line)
    assert pixels.startswith("| do(a) |") and pixels.split(" | ")[-1].startswith("1.000 (")  # sharpness
    drawn = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    assert drawn == {f"{kind}_{name}.png" for kind in ("do", "asked") for name in "abc"} | {
        *found["figures"]["files"],
        "dci.png",
    }


def test_a_model_that_is_given_is_measured_as_it_is(tmp_path, monkeypatch):
    """Not the newest one of its workdir, nor as that would decode; and it stays as it was."""
    model = stripes.OfTheTruth()
    model.step, model.defaults, model.workdir = 7, dataclasses.replace(model.defaults, num_steps=3), tmp_path / "run"
    monkeypatch.setattr(module, "TrainedModel", stripes.OfTheTruth)
    monkeypatch.setattr(module, "load", lambda _: pytest.fail("loaded another"))
    monkeypatch.setattr(module, "dataset_of", lambda *_: stripes.world())
    monkeypatch.setattr(benches, "cached_judge", lambda *_: stripes.Pixels())
    monkeypatch.setattr(figures, "draw_fits", draw_fits)
    for options, steps in (({}, 3), ({"num_steps": 5}, 5)):
        found = module.evaluate(model, parts=["figures"], options=options, output=tmp_path / "out", num_images=8)
        assert (found["protocol"]["step"], found["protocol"]["num_steps"]) == (7, steps)
    assert model.defaults.num_steps == 3


def test_pictures_come_before_the_judge_is_trained(evaluate, monkeypatch, tmp_path):
    def refuse(*_):
        raise InputError("no judge")

    model = stripes.OfTheTruth()
    with monkeypatch.context() as patch, pytest.raises(InputError, match="no judge"):
        patch.setattr(stripes, "Pixels", refuse)
        evaluate(model)
    drawn = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    assert drawn == {"traversals.png", "mechanisms.png", "mechanism_fits.png"}


def test_the_validation_split_is_measured_by_itself(evaluate, tmp_path):
    world = stripes.world()
    was_set = dataclasses.replace(world.test, intervened=np.tile([True, False, False], (len(world.test), 1)))
    held = dataclasses.replace(world, validation=stripes.world(20, seed=1).test, interventional=was_set)
    found = evaluate(stripes.Idle(), held, output=None, split="validation", parts=["interventions"])
    assert "effectiveness" in found and "experiment" not in found
    told = (tmp_path / "run" / "validation" / "report.md").read_text()
    assert "8 validation images" in told and "| real validation images |" in told and "test images" not in told
    assert found["protocol"]["split"] == "validation" and not (tmp_path / "run" / "metrics.json").exists()
    with pytest.raises(InputError, match="has 0 validation images, expected 2 at least: train into a new --workdir"):
        evaluate(split="validation")
    with pytest.raises(InputError, match="the split is 'train': expected one of test, validation"):
        evaluate(split="train")


def test_what_reading_costs_is_told_apart_by_giving_the_labels(evaluate, tmp_path):
    found = evaluate(stripes.Misreading(), parts=["interventions", "given"])
    given, read = found["given"], found["effectiveness"]["do(a)"]["b"]
    assert read["physical"] == found["mechanism"]["do(a)"]["b"]["physical"] == pytest.approx(10)
    assert given["effectiveness"]["do(a)"]["b"]["physical"] == given["mechanism"]["do(a)"]["b"]["physical"] == 0
    assert found["mean_effectiveness"]["mean"] > 0 and given["mean_effectiveness"]["mean"] == 0
    assert (
        given["counterfactual_error"]["do(a)"]["mse"]["mean"]
        == 0
        < found["counterfactual_error"]["do(a)"]["mse"]["mean"]
    )
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| do(a), factual labels given | **0.000**" in report and "; with the factual labels given 0.000" in report


def test_labels_that_are_unknown_are_read_where_the_others_are_given(evaluate):
    data = stripes.world(true_counterfactual=None, render=None)
    data.test.labels[:4, 1] = np.nan
    found = evaluate(data=data, parts=["given"])
    kept = found["given"]["effectiveness"]["do(c)"]
    assert kept["b"]["count"] == 4 and kept["a"]["count"] == 8 and kept["b"]["physical"] == 0


def test_what_is_unknown_is_null_and_does_not_count(evaluate, tmp_path):
    data = stripes.world(true_counterfactual=None, render=None)
    found = evaluate(data=data, parts=["interventions"], validation={"a": 0.03, "b": float("nan")})
    assert no_nan((tmp_path / "out" / "metrics.json").read_text()) == found
    assert found["effectiveness"]["do(a)"]["b"]["normalised"] is None
    assert found["mean_effectiveness"]["mean"] == 0 and "counterfactual_error" not in found
    assert found["judge"]["validation"]["b"] is None
    assert "held-out training images: a 0.030.\n" in (tmp_path / "out" / "report.md").read_text()


def test_images_of_which_a_variable_was_set_are_compared_with_where_there_are_some(evaluate, tmp_path):
    data = stripes.world(true_counterfactual=None, render=None)
    real = dataclasses.replace(data.test, intervened=np.tile([True, False, False], (len(data.test), 1)))
    found = evaluate(data=dataclasses.replace(data, interventional=real), parts=["interventions"])
    assert list(found["experiment"]) == ["do(a)"] and found["experiment"]["do(a)"]["distance"]["a"] < 0.2
    text = (tmp_path / "out" / "report.md").read_text()
    assert "held-out images of which the variable was really set" in text
    assert "experiment" not in evaluate(data=data, output="other", parts=["interventions"])


def test_numbers_of_one_model_are_never_taken_for_anothers(evaluate, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "measure_composition", lambda bench: calls.append(bench.model) or {"psnr": len(calls)})
    monkeypatch.setattr(module, "report_text", lambda *_: "")

    def number(*given, **options):
        return evaluate(*given, parts=["composition"], **options)["composition"]["psnr"]

    assert (number(), number()) == (1, 1)  # kept
    assert number(stripes.OfTheTruth(1e-3)) == 2
    assert number() == 3
    assert number(options={"guidance": 2.0}) == 4
    assert number(output="other") == 5
    shown = evaluate(stripes.OfTheTruth(2.0), parts=["interventions"])
    assert "composition" not in shown and len(calls) == 5
    assert number(output="other") == 5
    monkeypatch.setattr(module, "code_digest", lambda: "of other code")
    assert number(output="other") == 6


def test_features_of_the_users_are_kept_apart(evaluate, tmp_path, monkeypatch):
    """A second Frechet distance, on other features, under a key of its own."""
    weights = tmp_path / "weights.h5"
    weights.write_bytes(b"weights")
    monkeypatch.setattr(module, "inception_features", lambda _: lambda images: stripes.measure(images)[:, :2])
    name = "do(a): Frechet distance on Inception features"
    plain = evaluate(parts=["interventions"])
    assert "frechet_inception" not in plain["realism"]["do(a)"] and name not in measures(plain)
    found = evaluate(parts=["interventions"], inception_weights=weights)
    distance = found["realism"]["do(a)"]["frechet_inception"]
    assert measures(found)[name][0]["mean"] == distance >= 0
    assert "Inception v3 (Keras) of 8 images: do(a)" in (tmp_path / "out" / "report.md").read_text()
    kept = json.loads((tmp_path / "out" / "evaluation" / "do_a.json").read_text())["key"]
    assert kept["inception"] == module.weights_digest(weights)


def test_perceptual_distances_are_to_the_factual_and_to_the_true_image(evaluate, tmp_path, monkeypatch):
    weights = tmp_path / "weights.npz"
    weights.write_bytes(b"weights")

    def gap(images, others):
        return np.abs(images.astype(float) - others).mean((1, 2, 3))

    monkeypatch.setattr(module, "lpips", lambda _: gap)
    with pytest.raises(InputError, match="LPIPS needs images of 31 pixels a side or more, and these have 18"):
        evaluate(lpips_weights=weights)
    monkeypatch.setattr(module, "check_size", lambda _: None)
    parts = ["interventions", "given", "composition"]
    assert "lpips" not in evaluate(parts=parts)
    found = evaluate(parts=parts, lpips_weights=weights)
    asked = found["lpips"]["do(a)"]
    assert asked["true"]["mean"] == 0 < asked["factual"]["mean"] == pytest.approx(asked["true_unchanged"])
    assert asked["factual"]["count"] == 8 and found["given"]["lpips"]["do(a)"]["true"]["mean"] == 0
    assert found["composition"]["lpips"]["mean"] == 0 and "lpips" in found["protocol"]
    report = (tmp_path / "out" / "report.md").read_text()
    assert "LPIPS 0.1 (AlexNet) of 8 images" in report and "| do(a) | " in report
    rows = measures(found)
    assert rows["do(a): LPIPS to the factual image"] == (asked["factual"], "neither is better")
    assert rows["do(a): LPIPS to the true image"][1] == "lower is better"
    text, _ = table({"x": found, "y": found})
    assert "| do(a): LPIPS to the factual image | 8 |" in text


def test_parts_that_are_none_and_variables_without_labels_are_refused(evaluate):
    with pytest.raises(InputError, match="no part 'latent': expected some of .* did you mean 'latents'"):
        evaluate(parts=["latent"])
    data = stripes.world()
    data.test.labels[:8, 1] = np.nan
    with pytest.raises(InputError, match="none of the 8 test images has a label of 'b'"):
        evaluate(data=data)


def test_how_sure_a_model_is_is_told_where_its_calibration_holds(evaluate, tmp_path, monkeypatch):
    model = stripes.OfTheTruth()
    model.uncertainty = types.SimpleNamespace(fit_steps=0, to_arrays=dict)
    monkeypatch.setattr(module, "measure_uncertainty", lambda _: {"draws": 64})
    monkeypatch.setattr(module, "validation_of", lambda *_: stripes.world().test)
    monkeypatch.setattr(module, "report_text", lambda *_: "")
    assert evaluate(model, parts=["uncertainty"])["uncertainty"] == {"draws": 64}
    for asked, why in (
        ({"split": "validation"}, "calibrated on the validation images"),
        ({"options": {"fit_steps": 1}}, "0, not 1"),
    ):
        with pytest.raises(InputError, match=why):
            evaluate(model, parts=["uncertainty"], output=why, **asked)
        assert "uncertainty" not in evaluate(model, parts=["uncertainty", "figures"], output=why, **asked)


def test_all_that_is_measured_by_default_finishes_a_run_of_a_sweep(evaluate, tmp_path):
    """Such runs are not calibrated."""
    evaluate()
    assert Run({}, stripes.OfTheTruth.settings, tmp_path / "out").finished
