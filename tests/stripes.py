"""A world of three stripes whose grey levels are its labels, a -> b and c, and models of it: NumPy alone, all exact."""

import dataclasses
import types
from typing import ClassVar

import numpy as np
from short_runs import settings_with

from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.framing import Framing
from cdae_jax.evaluation.bench import Bench
from cdae_jax.evaluation.interventions import labels_under
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.inference.answers import Counterfactuals
from cdae_jax.inference.checks import TrainedVariable
from cdae_jax.model.decoders import DECODERS

GRAPH = CausalGraph((Variable("a", unit="mm"), Variable("b", ("a",)), Variable("c")))
WIDTH = 6


def render(labels):
    return np.tile(labels.round().astype(np.uint8).repeat(WIDTH, 1)[:, None, :, None], (1, 3 * WIDTH, 1, 1))


def measure(images):
    """Labels [N, 3] of images [N, H, W, 1], or [1, 3] of one."""
    return np.atleast_2d(images[..., 0, ::WIDTH, 0]).astype(np.float32)


def true_counterfactual(labels, mask, values):
    """b is a and what an image has for itself."""
    a = np.where(mask[:, 0], values[:, 0], labels[:, 0])
    b = np.where(mask[:, 1], values[:, 1], a + labels[:, 1] - labels[:, 0])
    return np.stack([a, b, np.where(mask[:, 2], values[:, 2], labels[:, 2])], 1).astype(np.float32)


def world(num=200, seed=0, **changes):
    rng = np.random.default_rng(seed)
    a, own, c = rng.integers(20, 120, num), rng.integers(0, 100, num), rng.integers(50, 200, num)
    labels = np.stack([a, a + own, c], 1).astype(np.float32)
    split = Split(render(labels), labels)
    known = {"true_counterfactual": true_counterfactual, "render": render, "measure": measure}
    return Dataset("stripes", GRAPH, split, split, **known | changes)


class OfTheTruth:
    """A `TrainedModel`, as far as measures look, that reads, acts and draws as the world does."""

    graph, settings, step, readout, defaults = GRAPH, settings_with(), 20, None, Sampling(4, depth=1.0)
    uncertainty = None
    model = types.SimpleNamespace(decoder=DECODERS["diffusion"])
    image_shape = (3 * WIDTH, 3 * WIDTH, 1)
    framing = Framing(3 * WIDTH, channels=1)
    variables = tuple(TrainedVariable(var.name, var.unit, 20.0, 200.0) for var in GRAPH.variables)

    def __init__(self, weight=0.0):
        self.params = {"weight": np.array(weight)}

    def options(self, options=None, **fields):
        found = dataclasses.replace(options or self.defaults, **fields)
        found.check(total_steps=1000)
        return found

    def encode(self, images, context=None):
        return measure(images)

    def latents(self, images):
        """u is what an image has for itself, z its labels."""
        a, b, c = measure(images).T / 50
        return np.stack([a, b - a, c], 1)[..., None], measure(images)[..., None] / 50

    def style(self, images):
        return np.zeros((len(images), 0))

    def predict(self, images, do, labels=None):
        return labels_under(world(1), self.encode(images) if labels is None else labels, do)

    def counterfactual(self, images, do, labels=None, context=None, options=None, strength=1.0, **fields):
        self.options(options, **fields)
        old = labels = (
            self.encode(images) if labels is None else np.where(np.isnan(labels), self.encode(images), labels)
        )
        part = {name: old[:, GRAPH.index(name)] * (1 - strength) + value * strength for name, value in do.items()}
        labels = self.predict(images, part, labels)
        return Counterfactuals(render(labels), labels)

    def sample(self, num, seed):
        labels = world(num, seed).test.labels
        return Counterfactuals(render(labels), labels)


class Idle(OfTheTruth):
    """A model that leaves every image as it is."""

    def predict(self, images, do, labels=None):
        return measure(images)


class Coarse(OfTheTruth):
    """A model that makes every stripe lighter, the more so the fewer its steps."""

    def counterfactual(self, images, do, **given):
        labels = super().counterfactual(images, do, **given).labels + 12 // given["options"].num_steps
        return Counterfactuals(render(labels), labels)


class Misreading(OfTheTruth):
    """A model that reads b too high by ten; all else it knows."""

    def encode(self, images, context=None):
        return measure(images) + np.float32([0, 10, 0])


class Pixels:
    """A judge that measures, and whose features are a few pixels."""

    rare: ClassVar = {}

    def __init__(self, validation=None):
        self.validation = validation or {"a": 0.03}

    def __call__(self, images):
        return measure(images), np.zeros(len(images), int)

    def features(self, images):
        return measure(images) / 255


def bench_of(kind, folder, num=40, dataset=None):
    """A bench where nothing is trained: a model of a kind on the first test images of the world."""
    dataset = dataset or world()
    bench = Bench(dataset, kind(), dataset.test.take(slice(0, num)), folder, kind.defaults)
    vars(bench)["judge"] = Pixels()
    return bench
