"""What the evaluation keeps, and for which model."""

import cdae_jax
from cdae_jax import evaluate as evaluation


def test_numbers_of_one_model_are_never_taken_for_anothers(trained_pendulum, tmp_path, monkeypatch):
    real = cdae_jax.load(trained_pendulum)
    calls = []

    def composition(bench):
        calls.append(bench.model)
        return {"psnr": float(len(calls))}

    def evaluate():
        found = evaluation.evaluate(trained_pendulum, parts=["composition"], num_images=4, output=tmp_path / "out")
        return found["composition"]["psnr"]

    monkeypatch.setattr(evaluation, "composition", composition)
    monkeypatch.setattr(evaluation, "report", lambda *_: "")
    assert (evaluate(), evaluate()) == (1, 1)  # kept
    changed = cdae_jax.load(trained_pendulum)
    changed.params = {**real.params, "params": {**real.params["params"]}}
    changed.params["params"]["unet"] = {
        **changed.params["params"]["unet"],
        "null_condition": changed.params["params"]["unet"]["null_condition"] + 1e-3,
    }
    monkeypatch.setattr(evaluation, "load", lambda _: changed)
    assert evaluate() == 2
    monkeypatch.setattr(evaluation, "load", lambda _: real)
    assert evaluate() == 3
