"""The benchmark's protocol on a model and judges of a world whose pixels are its labels."""

import functools
import json
import types

import numpy as np
import pytest
from commands import run_here

from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.data import morpho_mnist
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.errors import InputError
from cdae_jax.evaluation import morpho_benchmark as module
from cdae_jax.evaluation.metrics import mean_with_interval
from cdae_jax.evaluation.morpho_benchmark import MorphoBench, composition, other_digits, targets_outside
from cdae_jax.evaluation.npz_judges import NAMES, RANGES
from cdae_jax.graph import CausalGraph
from cdae_jax.inference.answers import Counterfactuals
from cdae_jax.model.decoders import DECODERS

GRAPH = CausalGraph((*morpho_mnist.GRAPH.variables, morpho_mnist.DIGIT))


def render(labels):
    """Images whose first bytes are the labels, float32."""
    images = np.zeros((len(labels), 28, 28, 1), np.uint8)
    images.reshape(len(labels), -1)[:, :12] = labels.astype("<f4").view(np.uint8)
    return images


def read(images):
    return images.reshape(len(images), -1)[:, :12].copy().view("<f4")


def judges(images, intensity):
    assert intensity.shape == (len(images),)
    return read(images).astype(np.float64)


def labels_of(num, seed=0):
    rng = np.random.default_rng(seed)
    thickness = rng.uniform(1, 4, num)
    intensity = morpho_mnist.intensity_of(thickness, rng.standard_normal(num))
    return np.stack([thickness, intensity, rng.integers(10, size=num)], 1).astype(np.float32)


class Model:
    """A model that acts as the world does, and reads the intensity by `misread` too high."""

    def __init__(self, graph=GRAPH, num_classes=0, misread=0.0):
        self.graph, self.misread, self.step, self.params = graph, misread, 7, {"w": np.ones(2)}
        data = types.SimpleNamespace(name="morpho_mnist", num_evaluated=30)
        self.settings = types.SimpleNamespace(data=data)
        self.model = types.SimpleNamespace(num_classes=num_classes, decoder=DECODERS["diffusion"])
        self.asked = []

    def options(self, **_):
        return Sampling(4, abduction="restore", depth=1.0)

    def counterfactual(self, images, do, labels=None, context=None, options=None):
        self.asked.append((sorted(do), labels is not None, context is not None, options.abduction))
        whole = read(images)
        known = whole + np.float32([0, self.misread, 0])
        if labels is not None:
            known[:, [NAMES.index(name) for name in self.graph.names]] = labels
        mask, values = np.zeros(known.shape, bool), np.zeros_like(known)
        for name, value in do.items():
            mask[:, NAMES.index(name)], values[:, NAMES.index(name)] = True, value
        after = morpho_mnist.true_counterfactual(known, mask, values)
        return Counterfactuals(render(after if do else whole), after[:, [NAMES.index(n) for n in self.graph.names]])


def test_targets_are_drawn_from_the_other_bins_each_value_alike():
    span, possible = (0.0, 9.0), np.repeat(np.arange(90) / 10 + 0.05, 2)  # ten values a bin, each there twice
    own = np.repeat([0.31, 4.5, 8.99, -2.0, 11.0], 8_000)
    drawn = targets_outside(own, np.append(possible, 0.05), span, np.random.default_rng(0))
    assert np.isin(drawn, possible).all()
    assert not (np.clip(own // 1, 0, 8) == drawn // 1).any()
    for value in np.unique(own):
        _, counts = np.unique(drawn[own == value], return_counts=True)
        assert len(counts) == 80 and abs(counts - 100).max() < 5 * np.sqrt(100)
    again = targets_outside(own, possible, span, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn, again)


def test_values_that_are_all_in_one_bin_are_refused():
    with pytest.raises(InputError, match="all 2 values of the test set are in one of the nine bins from 0 to 9"):
        targets_outside(np.array([1.2]), np.array([1.2, 1.3]), (0, 9), np.random.default_rng(0))


def test_a_digit_becomes_one_of_the_other_nine_each_alike():
    own = np.repeat(np.arange(10), 9_000)
    drawn = other_digits(own, np.random.default_rng(0))
    for digit in range(10):
        counts = np.bincount(drawn[own == digit].astype(int), minlength=10)
        assert counts[digit] == 0 and abs(np.delete(counts, digit) - 1000).max() < 5 * np.sqrt(1000)


def test_composition_of_a_model_that_changes_nothing_is_zero_and_of_others_in_grey_levels_of_32_x_32_pixels():
    images, calls = np.random.default_rng(0).integers(0, 200, (6, 28, 28, 1), np.uint8), []
    found = composition(lambda made: calls.append(1) or made, images)
    assert [found[cycles]["mean"] for cycles in ("1", "10")] == [0, 0] and len(calls) == 1
    brighter = composition(lambda made: made + np.uint8(2), images)
    share = 28**2 / 32**2
    assert [brighter[cycles]["mean"] for cycles in ("1", "10")] == pytest.approx([2 * share, 20 * share])


def bench_of(model, num=40):
    labels = labels_of(num)
    rngs = map(np.random.default_rng, range(3))
    targets = {
        name: other_digits(own, rng) if name == "digit" else targets_outside(own, own, RANGES[name], rng)
        for own, name, rng in zip(labels.T, NAMES, rngs, strict=True)
        if name in model.graph.names
    }
    return MorphoBench(model, model.options(), judges, render(labels), labels, targets)


def test_the_truth_keeps_each_images_noise_and_is_undone_by_the_old_values():
    bench = bench_of(Model())
    labels = bench.labels
    thick = bench.truth("thickness")
    np.testing.assert_allclose(thick[:, 0], bench.targets["thickness"], rtol=1e-6)
    np.testing.assert_array_equal(thick[:, 2], labels[:, 2])
    mask = np.tile([True, False, False], (len(labels), 1))
    inside = (thick[:, 1] > 66) & (thick[:, 1] < 253)  # noise of what is all but black or white is lost to rounding
    undone = morpho_mnist.true_counterfactual(thick, mask, labels)
    np.testing.assert_allclose(undone[inside], labels[inside], rtol=2e-3)
    for i, name in enumerate(NAMES[1:], 1):
        np.testing.assert_array_equal(np.delete(bench.truth(name), i, 1), np.delete(labels, i, 1))


def test_a_model_of_the_truth_has_no_error_and_one_that_misreads_only_where_labels_are_read():
    found = bench_of(Model()).measure(given=False)
    assert [name for name in found if name.startswith("do")] == ["do(thickness)", "do(intensity)", "do(digit)"]
    for do in ("do(thickness)", "do(intensity)", "do(digit)"):
        errors = found[do]
        assert max(errors[name]["mean"] for name in ("thickness", "intensity", "intensity_by_model")) < 1e-3
        assert errors["digit"]["mean"] == 1 and errors["digit"]["count"] == 40
    model = Model(misread=20.0)
    bench = bench_of(model)
    given, misread = bench.measure(given=True), bench.measure(given=False)
    assert given["do(thickness)"]["intensity"]["mean"] < 1e-3 < 5 < misread["do(thickness)"]["intensity"]["mean"]
    assert misread["do(thickness)"]["intensity_by_model"]["mean"] < 1e-3  # it draws what it believes
    assert misread["composition"]["1"]["mean"] == misread["composition_not_restored"]["10"]["mean"] == 0
    assert {asked[3] for asked in model.asked if not asked[0]} == {"restore", "invert"}


def test_factual_errors_are_those_of_the_labels():
    bench = bench_of(Model())
    true = bench.labels + np.float32([0.5, 10, 0])
    true[:10, 2] += 1
    found = bench.errors(bench.images, true)
    assert found["thickness"] == mean_with_interval(np.abs(true[:, 0] - bench.labels[:, 0]).astype(np.float64))
    assert found["intensity"]["mean"] == pytest.approx(10) and found["digit"]["mean"] == 0.75


@pytest.fixture
def score(monkeypatch, tmp_path):
    """Scores a model in the world of labels."""

    def run(model, **options):
        monkeypatch.setattr(module, "load", lambda _: model)
        readers = functools.partial(judges)
        readers.digest = "abc"
        monkeypatch.setattr(module, "load_judges", lambda folder, mode: readers)
        labels = labels_of(60)
        test = Split(render(labels), labels[:, :2], labels[:, 2].astype(np.int32))
        plain = Dataset("MorphoMNIST", morpho_mnist.GRAPH, test, test, num_classes=10)
        data = plain if model.model.num_classes else morpho_mnist.with_digit(plain)
        monkeypatch.setattr(module, "dataset_of", lambda *_: data)
        found = module.score(tmp_path, "judges", output=tmp_path / "out", **options)
        assert json.loads((tmp_path / "out" / "benchmark.json").read_text()) == found
        return found, " ".join((tmp_path / "out" / "benchmark.md").read_text().split())  # whatever the line breaks

    return run


def test_a_score_says_what_it_was_measured_on_and_marks_nothing_bold(score):
    found, told = score(Model(), judge_mode="training")
    protocol = found["protocol"]
    assert protocol["is_own_rendering"] and protocol["digit"] == "variable" and protocol["num_images"] == 30
    assert found["real_images"]["digit"]["mean"] == 1 and found["labels_given"]["do(digit)"]["digit"]["mean"] == 1
    assert found["unchanged"]["do(thickness)"]["thickness"]["mean"] > 0.3
    assert found["unchanged"]["do(digit)"]["digit"]["mean"] == 0
    assert "our own rendering, the 60 test images of MorphoMNIST, not the benchmark's" in told
    assert "batch norm in training mode" in told and "**" not in told
    assert "| do(digit) | labels read | 0.000 (0.000..0.000) |" in told
    assert "| do(thickness) | VAE of the benchmark, its test set | 0.122 | 3.85 | - | 98.2% |" in told
    assert "| VAE of the benchmark, its test set | 2.60 | 7.71 |" in told
    assert score(Model())[0]["labels_given"] == found["labels_given"]  # the same targets


def test_a_folder_that_cannot_be_made_is_named_before_anything_is_measured(score, tmp_path):
    (tmp_path / "out").touch()
    model = Model()
    with pytest.raises(InputError, match="out cannot be made .*: choose another --output"):
        score(model)
    assert not model.asked


def test_a_digit_that_is_a_context_is_given_and_not_set(score):
    model = Model(morpho_mnist.GRAPH, num_classes=10)
    found, told = score(model, num_images=20)
    assert found["protocol"]["digit"] == "context" and found["protocol"]["num_images"] == 20
    assert list(found["unchanged"]) == ["do(thickness)", "do(intensity)"]
    assert all(has_context for _, _, has_context, _ in model.asked)
    assert "there is no do(digit)" in told


def test_a_users_test_set_is_read_and_named(score, monkeypatch, tmp_path):
    labels = labels_of(50, seed=3)
    split = Split(render(labels), labels[:, :2], labels[:, 2].astype(np.int32))
    monkeypatch.setattr(module, "load_morpho_files", lambda folder: split)
    found, told = score(Model(), test_set=tmp_path / "theirs")
    assert not found["protocol"]["is_own_rendering"]
    assert f"Test set: {tmp_path}/theirs, 50 images." in told and "compare if this is its test set" in told


def test_only_models_of_morpho_mnist_are_scored(score):
    other = Model()
    other.settings.data.name = "pendulum"
    with pytest.raises(InputError, match="is of pendulum with .*: --protocol=benchmark needs one of morpho_mnist"):
        score(other)
    with pytest.raises(InputError, match="is of morpho_mnist with the variables thickness: "):
        score(Model(CausalGraph(morpho_mnist.GRAPH.variables[:1])))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--judges=x",), "--judges is of --protocol=benchmark, and --protocol is own"),
        (("--protocol=benchmark",), "--protocol=benchmark needs --judges"),
        (("--protocol=benchmark", "--judges=x", "--parts=given"), "--parts is of --protocol=own, and"),
        (("--protocol=benchmark", "--judges={0}"), "there is no judge .*thickness_classifier.npz"),
        (("--protocol=benchmark", "--judges={0}", "--num_steps=3"), "other options than the config's need an --output"),
    ],
)
def test_flags_that_do_not_fit_the_protocol_are_refused(tmp_path, given, message):
    with pytest.raises(InputError, match=message):
        run_here("evaluate", f"--workdir={tmp_path}", *(flag.format(tmp_path) for flag in given))
