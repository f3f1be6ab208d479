"""Effects that follow from their causes alone are named, with what is then true, and those with own noise are not."""

import numpy as np
import pytest

from cdae_jax.data import circuit, morpho_mnist, pendulum
from cdae_jax.data.freedom import LITTLE, hardly_shown, open_share
from cdae_jax.graph import CausalGraph, Variable

RNG = np.random.default_rng(0)
NUM = 300
ROOTS = (Variable("a"), Variable("kind", kind="categorical", classes=3))
A, KIND = RNG.normal(size=NUM), RNG.integers(3, size=NUM)


def graph_of(**effect):
    return CausalGraph((*ROOTS, Variable("e", parents=("a", "kind"), **effect)))


def labels_of(effect):
    return np.stack([A, KIND, effect], 1).astype(np.float32)


def told(labels, graph, was_set=None, draws_parts=False):
    return hardly_shown(labels, np.zeros(labels.shape, bool) if was_set is None else was_set, graph, draws_parts)


@pytest.mark.parametrize("noise", [0.0, 0.2, 1.0])
def test_a_number_has_the_share_of_its_noise(noise):
    follows = np.sin(A) + np.array([0.0, 2.0, -1.0])[KIND]
    effect = follows + noise * follows.std() * RNG.normal(size=NUM)
    share = open_share(graph_of(), 2, labels_of(effect))
    assert share == pytest.approx(noise / np.hypot(1, noise), abs=0.04)


@pytest.mark.parametrize(("kind", "classes"), [("binary", 2), ("categorical", 4)])
@pytest.mark.parametrize("flipped", [0.0, 0.3])
def test_a_class_has_the_share_of_the_images_that_show_another(kind, classes, flipped):
    follows = KIND % classes if kind == "categorical" else (A + KIND > 1).astype(int)
    effect = np.where(RNG.random(NUM) < flipped, (follows + 1) % classes, follows)
    commonest = np.bincount(effect).max() / NUM
    share = open_share(graph_of(kind=kind, classes=classes), 2, labels_of(effect))
    assert share == pytest.approx((effect != follows).mean() / (1 - commonest), abs=0.08)
    assert (share < LITTLE) == (flipped == 0)


def test_the_shadow_is_named_and_what_has_noise_of_its_own_is_not():
    shadow = pendulum.continuous_labels(400, RNG)
    length, position = told(shadow, pendulum.GRAPH)
    assert length.startswith("length: its causes (angle, light) leave ") and position.startswith("position: ")
    assert "do(length) may change what they draw, or nothing. Add images in which it was set" in length
    assert told(circuit.draw_labels(400, RNG), circuit.GRAPH) == []
    thickness = morpho_mnist.draw_thickness(RNG, 400)
    intensity = morpho_mnist.intensity_of(thickness, RNG.standard_normal(400))
    assert told(np.stack([thickness, intensity], 1), morpho_mnist.GRAPH) == []


def test_images_that_were_set_and_parts_change_what_is_said():
    labels, was_set = labels_of(2 * A), np.zeros((NUM, 3), bool)
    labels[:20, 2], was_set[:20, 2] = RNG.normal(size=20), True
    (line,) = told(labels, graph_of(), was_set)
    assert line.endswith("learned from the 20 images in which it was set")
    apart = graph_of(part="shadow")
    (line,) = told(labels_of(2 * A), apart, draws_parts=True)
    assert line.endswith("its part 'shadow' is drawn without them, if the image is a sum of its parts")
    for graph, draws_parts in (
        (apart, False),
        (graph_of(), True),
    ):  # no parts are drawn, or it shares that of its cause
        (line,) = told(labels_of(2 * A), graph, draws_parts=draws_parts)
        assert "no image shows it apart" in line
        assert ("draw its part 'shadow' apart from those of its causes" in line) == (graph is apart)


def test_unknown_labels_and_few_rows_say_nothing():
    labels = labels_of(2 * A)
    labels[49:, 0] = np.nan
    assert told(labels, graph_of()) == []
    labels[:, 0], labels[60:, 2] = A, np.nan
    assert len(told(labels, graph_of())) == 1
    labels[:60, 2] = 1
    assert told(labels, graph_of()) == []
