"""The simulated light tunnel: its mechanisms, its images as Malus has them, and what is said without the package."""

import dataclasses
import sys

import numpy as np
import pytest

from cdae_jax.data import simulated_chamber
from cdae_jax.data.settings import SimulatedChamber
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph
from cdae_jax.presets.datasets import DATASETS

DATA = SimulatedChamber(name="causal_chamber_simulated", resolution=16, experiment_size=50)


def graph_of(name):
    return CausalGraph.from_list([{"name": var, **spec} for var, spec in DATASETS[name]["graph"].items()])


COLOURS, TURNING = graph_of("causal_chamber_simulated"), graph_of("causal_chamber_polarisers")


@pytest.mark.parametrize("graph", [COLOURS, TURNING])
def test_an_intervention_moves_its_target_and_what_follows_from_it_alone(graph):
    reference = simulated_chamber.draw_labels(graph, 20_000, "", np.random.default_rng(0))
    for i, name in enumerate(graph.names):
        done = simulated_chamber.draw_labels(graph, 20_000, name, np.random.default_rng(i + 1))
        moved = np.abs(done.mean(0) - reference.mean(0)) > 0.2 * reference.std(0)
        assert [other for other, is_moved in zip(graph.names, moved, strict=True) if is_moved] == [
            other for other in graph.names if other in (name, *graph.descendants(name))
        ]
        parents = done[:, list(graph.parents[i])]
        assert np.all(np.abs([np.corrcoef(done[:, i], cause)[0, 1] for cause in parents.T]) < 0.03)
    factor, offset = np.array([simulated_chamber.SCALES[name] for name in graph.names]).T
    assert np.all((reference >= offset) & (reference <= factor + offset))


def test_counterfactuals_keep_each_variables_own_noise():
    labels = simulated_chamber.draw_labels(COLOURS, 9, "", np.random.default_rng(0))
    nothing = simulated_chamber.true_counterfactual(COLOURS, labels, np.zeros((9, 3), bool), labels)
    np.testing.assert_allclose(nothing, labels, atol=1e-3)
    mask = np.tile([True, False, False], (9, 1))
    done = simulated_chamber.true_counterfactual(COLOURS, labels, mask, labels + 10)
    np.testing.assert_allclose(done - labels, np.tile([10, 6, 3.6], (9, 1)), atol=1e-3)


def test_without_the_package_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "causalchamber.simulators.lt", None)
    with pytest.raises(InputError, match=r'needs causalchamber, .*: run pip install "cdae_jax\[chambers\]"'):
        simulated_chamber.make_dataset(DATA, COLOURS)


def test_a_variable_that_the_tunnel_has_not_is_named():
    with pytest.raises(InputError, match="the graph has 'ir_3': the simulated tunnel has red, green, blue, pol_1"):
        simulated_chamber.make_dataset(DATA, CausalGraph.from_list([{"name": "red"}, {"name": "ir_3"}]))


def test_an_image_shows_a_hexagon_of_the_colours_behind_the_polarisers():
    pytest.importorskip("causalchamber")
    labels = np.float32([[100, 0, 0], [200, 0, 0], [0, 0, 0], [60, 120, 180]])
    images = simulated_chamber.render(COLOURS, 32, labels)
    assert images.dtype == np.uint8 and not images[:, 0].any() and not images[2].any()
    centre = images[:, 16, 16].astype(int)
    assert abs(centre[1, 0] - 2 * centre[0, 0]) <= 2 and centre[0, 0] > 3 * centre[0, 1]
    assert centre.max() < 250
    turned = np.float32([[200, 0, 100, 100, 0], [200, 0, 100, 100, 90], [200, 45, 100, 100, 45]])
    aligned, crossed, both = simulated_chamber.render(TURNING, 32, turned)[:, 16, 16].astype(int)
    np.testing.assert_allclose(crossed / aligned, [2 / 29, 8 / 35, 18 / 33], atol=0.02)
    np.testing.assert_array_equal(aligned, both)


def test_its_experiments_are_split_as_the_chambers_are():
    pytest.importorskip("causalchamber")
    dataset = simulated_chamber.make_dataset(dataclasses.replace(DATA, seed=2), COLOURS)
    assert (len(dataset.train), len(dataset.test), len(dataset.interventional)) == (160, 10, 30)
    np.testing.assert_array_equal(dataset.interventional.was_set.sum(0), [10, 10, 10])
    for split in (dataset.train, dataset.test, dataset.interventional):
        np.testing.assert_array_equal(dataset.render(split.labels), split.images)
