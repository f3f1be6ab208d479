"""What datasets bring to a run: their own graph, and in every layer only what belongs there."""

import dataclasses

import pytest

from cdae_jax.data import circuit, morpho_mnist, pendulum
from cdae_jax.data.settings import BY_NAME
from cdae_jax.graph import CausalGraph
from cdae_jax.presets.datasets import DATASETS
from cdae_jax.presets.methods import OURS
from cdae_jax.presets.sizes import CPU, SIZES

GRAPHS = {
    "pendulum": pendulum.GRAPH,
    "morpho_mnist": morpho_mnist.GRAPH,
    "circuit_lookalike": circuit.GRAPH,
    "causal_circuit": circuit.GRAPH,
}


def test_every_dataset_can_be_named():
    """Data of one name may come with several graphs: MorphoMNIST with and without the digit."""
    names = {name: brought["cpu"]["data"]["name"] for name, brought in DATASETS.items()}
    assert set(names.values()) == set(BY_NAME)
    assert names.pop("morpho_mnist_digit") == "morpho_mnist" and names.pop("celeba_simple") == "celeba"
    assert names.pop("causal_chamber_polarisers") == "causal_chamber"
    assert all(name == of for name, of in names.items())


@pytest.mark.parametrize("name", GRAPHS)
def test_a_run_begins_with_the_graph_that_the_data_are_made_by(name):
    """What a part draws is told to the model alone."""
    given = CausalGraph.from_list([{"name": var, **spec} for var, spec in DATASETS[name]["graph"].items()])
    bare = tuple(dataclasses.replace(var, part="") for var in given.variables)
    assert CausalGraph(bare) == GRAPHS[name]


@pytest.mark.parametrize("name", DATASETS)
def test_a_layer_sets_what_is_its_own(name):
    """At its cpu size the data, sizes, and how long it trains; our method is the same for all."""
    brought, sizes = DATASETS[name], {"model": set(CPU["model"]), "diffusion": set(CPU["diffusion"])}
    data = {field.name for field in dataclasses.fields(BY_NAME[brought["cpu"]["data"]["name"]])}
    chosen = {section: set(fields) for section, fields in OURS.items()}
    assert set(brought) <= {"graph", "cpu"} | set(SIZES)  # another would not be looked at
    assert set(brought["cpu"]["data"]) == data
    lengths = {"steps", "warmup_steps", "checkpoint_every"}
    of_a_size = {section: sizes.get(section, set()) | chosen[section] for section in chosen} | {"data": data}
    allowed = {"cpu": {"data": data, "train": lengths} | sizes}
    for layer, sections in brought.items():
        for section, fields in sections.items() if layer != "graph" else ():
            assert set(fields) <= allowed.get(layer, of_a_size).get(section, set()), (layer, section)
