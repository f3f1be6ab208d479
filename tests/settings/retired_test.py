"""Configs that older versions stored are read where they mean what the code now does, and refused by name elsewhere."""

import dataclasses
import json
import pathlib

import pytest

from cdae_jax.errors import InputError
from cdae_jax.settings.retired import DROPPED, GONE, MOVED, without_retired
from cdae_jax.settings.run import Settings
from configs import circuit_lookalike, morpho_mnist, pendulum

FOLDER = pathlib.Path(__file__).parents[1] / "golden"


def before_style(config, decoder="refiner", judge_steps=1_000, steps=10_000, **train):
    """Today's config with what a config of `decoder` then had."""
    config.data.judge_steps = judge_steps
    config.model.update(decoder=decoder, style_dim=0)
    config.train.update(refine_every=4, learning_rate=1e-3, steps=steps, **train)
    config.sample.update(num_steps=5, corrections=0)
    if decoder == "refiner":
        config.train.condition_drop = 0.0  # another null condition
        config.sample.depth = 0.02
    return config


def morpho_mnist_before_the_one_recipe():
    config = before_style(morpho_mnist.get_config("cpu"), "diffusion", 2_000, 28_000, anneal_steps=500)
    config.model.encoder_patch = 2
    config.train.update(condition="mean", refine_every=1)
    config.sample.update(num_steps=10, depth=0.99, corrections=2, fit_steps=0)
    return config


def circuit_before_the_one_recipe():
    config = before_style(circuit_lookalike.get_config("cpu"), "diffusion", 200)
    config.model.update(encoder_channels=64, unet_channels=128, mechanism_hidden=256)
    config.train.update(condition="encoding", refine_every=1, steps=20_000)
    config.sample.update(solver="ddim", num_steps=30, fit_steps=0)
    return config


TODAY = {
    "pendulum": before_style(pendulum.get_config("cpu")),
    "morpho_mnist": morpho_mnist_before_the_one_recipe(),
    "circuit_lookalike": circuit_before_the_one_recipe(),
    "diffae": before_style(pendulum.get_config("cpu,method=diffae")),
}


LEARNED = {"mechanism": 0.0, "mechanism_alone": False, "mechanism_rate": 1.0}  # by the objective alone


def as_file(name):
    return json.loads((FOLDER / f"config_{name}.json").read_text())


def stored(**changes):
    """Pendulum's stored config, its mechanisms learned by the objective alone, with some of its fields changed."""
    config = as_file("pendulum")
    config["train"] |= LEARNED | {"condition_drop": 0.0}
    for section, fields in changes.items():
        config[section] |= fields
    return config


@pytest.mark.parametrize("name", TODAY)
def test_a_stored_config_is_what_the_config_file_now_gives_but_for_mechanisms_and_style(name):
    then, now = Settings.from_stored(as_file(name)), Settings.from_dict(TODAY[name].to_dict())
    assert then.train.mechanisms == "objective" and then.model.mechanism in ("additive", "affine")
    model = dataclasses.replace(now.model, mechanism=then.model.mechanism, style_dim=0)
    data = dataclasses.replace(now.data, validation_share=0.0)  # none were taken out of the training images
    train = dataclasses.replace(now.train, mechanisms="objective")
    assert then == dataclasses.replace(now, data=data, model=model, train=train)


def test_a_run_whose_mechanisms_learned_by_the_objective_alone_can_go_on():
    assert Settings.from_stored(stored()).train.mechanisms == "objective"


def test_a_refiner_whose_null_condition_had_no_draft_is_used_without_one():
    config = as_file("pendulum")
    trained = Settings.from_stored(config)
    assert trained.sampling.depth == 0.02 and trained.train.condition_drop == 0
    with pytest.raises(InputError, match="guidance is 2.0, but with config.train.condition_drop 0 no null condition"):
        Settings.from_stored(config | {"sample": config["sample"] | {"guidance": 2.0}})
    deeper = Settings.from_stored(stored(sample={"depth": 0.3}))
    assert deeper.sampling.depth == 0.3


@pytest.mark.parametrize("name", TODAY)
def test_settings_of_today_are_left_as_they_are(name):
    today = TODAY[name].to_dict()
    assert without_retired(today) == today


OTHER_VALUES = {
    "model.remainder_sd": {"model": {"remainder_sd": 0.1}},
    "model.prior": {"model": {"prior": "learned"}},
    "model.num_heads": {"model": {"num_heads": 8, "attention": [8]}},
    "sample.spacing": {"sample": {"spacing": "karras"}},
    "sample.action": {"sample": {"action": "direction"}},
}


def test_every_setting_that_is_gone_is_tested_below():
    assert set(OTHER_VALUES) == set(GONE)


@pytest.mark.parametrize(("path", "changes"), OTHER_VALUES.items())
def test_a_setting_that_changes_answers_is_refused_with_another_value(path, changes):
    section, name = path.split(".")
    with pytest.raises(InputError) as error:
        Settings.from_stored(stored(**changes))
    message = str(error.value)
    assert message.startswith(f"config.{path} is {changes[section][name]!r}, a setting that is gone and now always ")
    assert message.endswith("or use the version that this one was made with") and "\n" not in message


@pytest.mark.parametrize("path", DROPPED)
def test_what_concerned_training_alone_is_dropped(path):
    section, name = path.split(".")
    assert Settings.from_stored(stored(**{section: {name: 7.0}})) == Settings.from_stored(stored())


@pytest.mark.parametrize("path", [*GONE, *DROPPED, *MOVED, "data.labelled_only", "model.parts"])
def test_a_new_run_cannot_ask_for_it(path):
    section, name = path.split(".")
    config = TODAY["pendulum"].to_dict()
    with pytest.raises(InputError, match=rf"config\.{section}"):
        Settings.from_dict(config | {section: config.get(section, {}) | {name: 7.0}})


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"num_heads": 8}},  # without attention there are none
        {"sample": {"spacing": "log_snr"}},  # what the solver now has
    ],
)
def test_where_another_value_changed_nothing_it_is_dropped(changes):
    assert Settings.from_stored(stored(**changes)) == Settings.from_stored(stored())


def test_labelled_images_alone_are_all_of_every_batch():
    settings = Settings.from_stored(stored(data={"labelled_only": True, "labelled_share": 0.25}))
    assert settings.data.labelled_share == 1.0
    assert Settings.from_stored(stored(data={"labelled_share": 0.25})).data.labelled_share == 0.25


def test_without_parts_the_graph_names_none():
    assert all(var.part for var in Settings.from_stored(stored()).graph.variables)
    settings = Settings.from_stored(stored(model={"parts": False}))
    assert not any(var.part for var in settings.graph.variables)
    assert [var.unit for var in settings.graph.variables] == ["deg", "deg", "units", "units"]
    assert settings.graph.descendants("angle") == ("length", "position")


@pytest.mark.parametrize(
    ("section", "field", "value"), [("sample", "solver", "bdia"), ("diffusion", "prediction", "x_0")]
)
def test_a_choice_that_is_gone_is_refused_by_name(section, field, value):
    with pytest.raises(InputError, match=f"config.{section}.{field} is '{value}': expected one of "):
        Settings.from_stored(stored(**{section: {field: value}}))


def test_what_moved_is_found_where_it_is_now():
    changes = {"train": {"microbatches": 2, "fsdp": 4}, "model": {"dtype": "bfloat16", "remat": True}}
    settings = Settings.from_stored(stored(**changes, evaluate={"num_images": 5, "predictor_steps": 6}))
    assert settings.to_dict()["system"] == {"microbatches": 2, "fsdp": 4, "dtype": "bfloat16", "remat": True}
    assert (settings.data.num_evaluated, settings.data.judge_steps) == (5, 6)
