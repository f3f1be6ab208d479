"""Configs become settings and come back; settings say the model, the sampling and its steps."""

import dataclasses
import json

import pytest
from short_runs import settings_with

from cdae_jax.diffusion.grids import time_grid
from cdae_jax.errors import InputError
from cdae_jax.model.decoders import DECODERS
from cdae_jax.settings.run import Settings
from configs import custom
from configs.pendulum import get_config


def test_settings_survive_json_and_keep_the_order_of_the_graph():
    config = get_config("smoke").to_dict()
    config["graph"] = dict(reversed(config["graph"].items()))
    settings = Settings.from_dict(config)
    assert settings.graph.names == ("position", "length", "light", "angle")
    plain = settings.to_dict()
    assert plain["model"]["unet_multipliers"] == [1]  # as JSON has it
    assert Settings.from_dict(plain) == settings


def test_the_graph_of_a_config_is_free():
    config = get_config("smoke")
    config.graph = {"light": {}, "angle": {"parents": ("light",)}}
    assert Settings.from_dict(config.to_dict()).graph.descendants("light") == ("angle",)


def test_parts_are_drawn_by_a_draft_of_a_graph_that_names_two():
    parts = settings_with(model={"decoder": "refiner"})
    assert parts.draws_parts and not settings_with(model={"decoder": "diffusion"}).draws_parts
    plain = parts.to_dict()
    plain["graph"] = {name: {**spec, "part": "scene"} for name, spec in plain["graph"].items()}
    assert not Settings.from_dict(plain).draws_parts


@pytest.mark.parametrize("section", ["graph", "sample", "train"])
def test_a_missing_section_is_named(section):
    config = get_config("smoke").to_dict()
    del config[section]
    with pytest.raises(InputError, match=f"config.{section} is missing"):
        Settings.from_dict(config)


def test_fields_with_a_default_may_be_missing_and_others_are_named():
    config = get_config("smoke").to_dict()
    del config["train"]["refine_every"], config["system"]
    assert Settings.from_dict(config) == settings_with()
    del config["train"]["steps"]
    with pytest.raises(InputError, match=r"config.train.steps is missing: the settings of config.train are steps, "):
        Settings.from_dict(config)


@pytest.mark.parametrize(
    ("section", "field", "value", "message"),
    [
        ("data", "name", "faces", "config.data.name is 'faces': expected one of pendulum"),
        ("data", "mnist_dir", "", "config.data.mnist_dir is no setting"),  # of another dataset
        ("model", "unet_multipliers", (1, 0), r"config.model.unet_multipliers is \(1, 0\): expected positive integers"),
        ("model", "unet_multipliers", 1, "config.model.unet_multipliers is 1: expected positive integers"),
        ("model", "block_dim", "4", "config.model.block_dim is '4': expected a whole number"),
        ("train", "batch_size", "auto", "expected a whole number; cdae train and benchmark alone find one"),
        ("model", "block_dim", True, "config.model.block_dim is True: expected a whole number"),
        ("model", "mechanism", "additve", "did you mean 'additive'"),
        ("model", "decoder", "gan", "config.model.decoder is 'gan': expected one of diffusion, refiner, conv"),
        ("model", "label_scale", "minmax", "config.model.label_scale is 'minmax': expected one of sd, range"),
        ("diffusion", "schedule", "cosin", "did you mean 'cosine'"),
        ("train", "decay", 1, "config.train.decay is 1: expected True or False"),
        ("train", "stepz", 3, "config.train.stepz is no setting; did you mean 'steps'"),
        ("train", "kl_reduction", "max", "config.train.kl_reduction is 'max': expected one of sum, mean"),
        ("system", "dtype", "float16", "config.system.dtype is 'float16': expected one of float32, bfloat16"),
    ],
)
def test_wrong_types_names_and_choices_are_named(section, field, value, message):
    config = get_config("smoke").to_dict()
    config[section][field] = value
    with pytest.raises(InputError, match=message):
        Settings.from_dict(config)


def test_a_whole_number_is_taken_for_a_float():
    config = get_config("smoke").to_dict()
    config["train"]["gamma"] = 1
    gamma = Settings.from_dict(config).train.gamma
    assert gamma == 1.0 and type(gamma) is float


@pytest.mark.parametrize(("prediction", "depth"), [("eps", 0.97), ("v", 1.0)])
def test_the_target_says_how_deep_images_are_inverted_unless_the_config_does(prediction, depth):
    changes = {"diffusion": {"prediction": prediction}}
    settings = settings_with(**changes)
    schedule = settings.make_schedule()
    assert schedule.num_steps == 1000
    assert settings.sampling == dataclasses.replace(settings.sample, depth=depth)
    steps = settings.steps(schedule, settings.sampling)
    assert len(steps) == settings.sample.num_steps and steps[-1] == round(1000 * depth) - 1
    assert settings_with(**changes, sample={"depth": 0.5}).sampling.depth == 0.5


def test_the_steps_are_spaced_as_suits_solver_and_schedule():
    settings = settings_with(sample={"num_steps": 7})
    schedule = settings.make_schedule()
    for solver, spacing in (("ddim", "uniform"), ("dpm_solver", "log_snr")):
        steps = settings.steps(schedule, dataclasses.replace(settings.sampling, solver=solver))
        assert steps.tolist() == time_grid(schedule, 7, spacing=spacing).tolist()


def test_labels_align_the_latents_unless_gamma_is_0():
    assert settings_with().is_aligned and not settings_with(train={"gamma": 0.0}).is_aligned


def test_the_model_has_the_sizes_of_all_sections():
    changes = {"model": {"decoder": "refiner", "block_dim": 2}, "system": {"dtype": "bfloat16", "remat": True}}
    settings = settings_with(**changes, diffusion={"prediction": "eps"})
    model = settings.make_model(7)
    assert (model.block_dim, model.num_classes, model.prediction) == (2, 7, "eps")
    assert (model.dtype, model.remat) == ("bfloat16", True)
    assert model.decoder is DECODERS["refiner"] and model.graph == settings.graph


def test_the_table_of_the_users_own_images_tells_what_the_graph_leaves_open(tmp_path):
    (tmp_path / "graph.dot").write_text('dag { "disc.size" -> animal }')
    cells = [f"{i}.png,{i},{'dog' if i % 3 else 'cat'}" for i in range(60)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,disc.size,animal", *cells]))
    config = custom.get_config(f"cpu,{tmp_path}/graph.dot")
    config.data.labels = str(tmp_path / "labels.csv")
    settings = Settings.from_dict(config.to_dict())
    assert [var.kind for var in settings.graph.variables] == ["auto", "auto"]
    resolved = settings.resolved()
    assert [(var.name, var.kind, var.values) for var in resolved.graph.variables] == [
        ("disc.size", "continuous", ()),
        ("animal", "binary", ("cat", "dog")),
    ]
    assert resolved.resolved() == resolved == Settings.from_dict(json.loads(json.dumps(resolved.to_dict())))
    assert settings_with().resolved() == settings_with()


@pytest.mark.parametrize(("method", "block_dim"), [("ours", 4), ("conditional", 1)])
def test_blocks_grow_to_the_most_classes_of_the_table(method, block_dim, tmp_path):
    (tmp_path / "graph.json").write_text('{"animal": [], "on": []}')
    config = custom.get_config(f"cpu,{tmp_path}/graph.json,method={method}")
    config.data.labels = str(tmp_path / "labels.csv")
    for classes, dimensions in ((20, 20), (3, max(3, block_dim)), (2, block_dim)):  # two are a number
        rows = (f"{i}.png,sort {i % classes},{i % 2}" for i in range(80))
        (tmp_path / "labels.csv").write_text("\n".join(["file,animal,on", *rows]))
        settings = Settings.from_dict(config.to_dict()).resolved()
        assert (settings.model.block_dim, settings.make_model(0).block_dim) == (block_dim, dimensions)


def test_a_stored_graph_of_an_earlier_version_stays_as_it_is():
    """Without `values`, and with every kind stated."""
    plain = settings_with().to_dict()
    for spec in plain["graph"].values():
        del spec["values"]
    assert Settings.from_dict(plain) == settings_with()
