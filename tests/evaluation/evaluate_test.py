"""What the evaluation keeps, and for which model."""

import json

import numpy as np
import pytest

import cdae_jax
from cdae_jax.data.pendulum import shadow
from cdae_jax.evaluation import evaluate as evaluation
from cdae_jax.evaluation import figures, metrics
from cdae_jax.evaluation.interventions import Bench
from cdae_jax.studies.compare import measures

pytestmark = pytest.mark.usefixtures("one_device_alone")


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


def test_features_of_the_users_are_kept_apart(trained_pendulum, tmp_path, monkeypatch):
    """A second Frechet distance, on other features, under a key of its own."""
    weights = tmp_path / "weights.h5"
    weights.write_bytes(b"weights")
    monkeypatch.setattr(
        evaluation, "inception_features", lambda _: lambda images: images[:, ::8, ::8, 0].reshape(-1, 4)
    )
    plain = evaluation.evaluate(trained_pendulum, parts=["interventions"], num_images=8, output=tmp_path / "out")
    assert "frechet_inception" not in plain["realism"]["do(angle)"]
    assert "do(angle): Frechet distance on Inception features" not in measures(plain)
    found = evaluation.evaluate(
        trained_pendulum, parts=["interventions"], num_images=8, output=tmp_path / "out", inception_weights=weights
    )
    distance = found["realism"]["do(angle)"]["frechet_inception"]
    assert measures(found)["do(angle): Frechet distance on Inception features"][0]["mean"] == distance >= 0
    model = cdae_jax.load(trained_pendulum)
    test = (
        evaluation.make_dataset(model.settings.data, model.settings.graph)
        .test.take(np.arange(8))
        .images[:, ::8, ::8, 0]
        .reshape(-1, 4)
    )
    assert np.isclose(found["floor"]["frechet_inception_of_halves"], metrics.frechet_distance(test[:4], test[4:]))
    assert "Inception v3 (Keras) of 8 images: do(angle)" in (tmp_path / "out" / "report.md").read_text()
    kept = json.loads((tmp_path / "out" / "evaluation" / "do_angle.json").read_text())["key"]
    assert kept["inception"] == evaluation.inception_digest(weights)


def test_the_graph_is_drawn_with_every_edges_curves(trained_pendulum, tmp_path, monkeypatch):
    model = cdae_jax.load(trained_pendulum)
    dataset = evaluation.make_dataset(model.settings.data, model.settings.graph)
    test = dataset.test.take(np.arange(8))
    drawn = []
    monkeypatch.setattr(figures, "graph_with_curves", lambda path, nodes, edges, title: drawn.append((nodes, edges)))
    figures.mechanisms(Bench(dataset, model, None, test, np.ones(4), {}, 0, tmp_path))
    (nodes, edges) = drawn[0]
    assert list(nodes.values()) == ["angle, deg", "light, deg", "length, units", "position, units"]
    assert set(edges) == {(cause, effect) for cause in ("angle", "light") for effect in ("length", "position")}
    light, ((believed, _, _), (true, _, _)) = edges["light", "length"]
    length, _ = shadow(np.full_like(light, test.labels[0, 0]), light)
    np.testing.assert_allclose(true, length, rtol=1e-4)
    read = model.predict(test.images[:1], {"light": float(light[3])})
    np.testing.assert_allclose(believed[3], read[0, 2], rtol=1e-4)
