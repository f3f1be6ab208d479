"""Configs become settings, and settings that cannot work are refused by name."""

import pytest

from cdae_jax.diffusion.process import make_schedule
from cdae_jax.errors import InputError
from cdae_jax.settings.run import Settings
from configs import causal_circuit, circuit_lookalike, morpho_mnist, pendulum

CONFIGS = (pendulum, morpho_mnist, circuit_lookalike, causal_circuit)


@pytest.mark.parametrize("get_config", [config.get_config for config in CONFIGS])
@pytest.mark.parametrize("size", ["cpu", "paper", "smoke"])
def test_every_config_is_valid_and_survives_json(get_config, size):
    settings = Settings.from_dict(get_config(size).to_dict())
    assert Settings.from_dict(settings.to_dict()) == settings


def test_the_graph_of_a_config_is_free():
    config = pendulum.get_config("smoke")
    config.graph = {"light": {}, "angle": {"parents": ("light",)}}
    assert Settings.from_dict(config.to_dict()).graph.descendants("light") == ("angle",)


def test_guidance_needs_a_null_condition():
    config = pendulum.get_config("smoke")
    config.train.condition_drop, config.sample.guidance = 0.0, 1.5
    with pytest.raises(InputError, match="guidance is 1.5, but with config.train.condition_drop 0 no null condition"):
        Settings.from_dict(config.to_dict())


@pytest.mark.parametrize("name", ["corrections", "fit_steps"])
def test_latents_without_labels_cannot_be_corrected_or_fitted(name):
    config = pendulum.get_config("smoke,baseline=diffae")
    config.sample[name] = 1
    with pytest.raises(InputError, match=f'{name} is 1, but the latents of config.sample.action "direction"'):
        Settings.from_dict(config.to_dict())


def test_mechanisms_that_would_learn_from_nothing_are_refused():
    config = pendulum.get_config("smoke")
    config.train.mechanism_alone, config.train.mechanism = True, 0.0
    with pytest.raises(InputError, match="mechanism_alone is True, but with config.train.mechanism 0"):
        Settings.from_dict(config.to_dict())


@pytest.mark.parametrize(
    ("decoder", "prediction", "depth"), [("diffusion", "eps", 0.97), ("diffusion", "v", 1.0), ("refiner", "v", 0.02)]
)
def test_decoder_and_target_say_how_deep_images_are_inverted_unless_the_config_does(decoder, prediction, depth):
    config = pendulum.get_config("smoke")
    config.model.decoder, config.diffusion.prediction = decoder, prediction
    settings = Settings.from_dict(config.to_dict())
    schedule = make_schedule(settings.diffusion.schedule, 1000)
    assert settings.sampling["depth"] == depth and settings.steps(schedule)[-1] == round(1000 * depth) - 1
    config.sample.depth = 0.5
    assert Settings.from_dict(config.to_dict()).sampling["depth"] == 0.5
    paper = Settings.from_dict(pendulum.get_config("paper").to_dict())
    assert paper.sampling["depth"] == 1 and paper.train.condition == "encoding"  # as published


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="no config size 'gpu'"):
        pendulum.get_config("gpu")


@pytest.mark.parametrize(
    ("section", "field", "value", "message"),
    [
        ("data", "name", "celeba", "config.data.name is 'celeba': expected one of pendulum"),
        ("data", "resolution", 30, "image side 30 is not divisible by 8"),
        ("sample", "corrections", -1, "config.sample.corrections is -1: expected 0 or more"),
        ("sample", "fit_steps", -1, "config.sample.fit_steps is -1: expected 0 or more"),
        ("sample", "fit_steps", 1, 'config.sample.fit_steps is 1, but config.model.decoder is "diffusion"'),
        ("model", "prior", "flat", "config.model.prior is 'flat'"),
        ("model", "unet_multipliers", (1, 0), "config.model.unet_multipliers is"),
        ("model", "block_dim", "4", "expected a value of type int"),
        ("model", "num_heads", 3, "does not divide"),
        ("model", "parts", True, 'parts is True, but config.model.decoder is "diffusion" and .* name 3 parts'),
        ("model", "attention", (16,), "names the height 16, but the UNet's levels are 4, 2 high"),
        ("diffusion", "schedule", "cosin", "did you mean 'cosine'"),
        ("train", "steps", 0, "config.train.steps is 0: expected a positive number"),
        ("data", "train_size", 0, "config.data.train_size is 0: expected a positive number"),
        ("model", "mechanism", "additve", "did you mean 'additive'"),
        ("train", "refine_every", 0, "config.train.refine_every is 0: expected a positive number"),
        ("train", "refine_every", 2, 'refine_every is 2, but config.model.decoder is "diffusion", which has no draft'),
        ("train", "mechanism_rate", 0.0, "config.train.mechanism_rate is 0.0: expected a positive number"),
        ("train", "condition_drop", 1.0, "config.train.condition_drop is 1.0"),
        ("sample", "num_steps", 5000, "more than the 1000 steps of config.diffusion.num_steps"),
        ("train", "stepz", 3, "config.train.stepz is no setting; did you mean 'steps'"),
    ],
)
def test_bad_settings_are_named(section, field, value, message):
    config = pendulum.get_config("smoke").to_dict()
    config["model"] |= {"unet_multipliers": (1, 2), "attention": (2,)}
    config[section][field] = value
    with pytest.raises(InputError, match=message):
        Settings.from_dict(config)


def test_a_missing_section_is_named():
    config = pendulum.get_config("smoke").to_dict()
    del config["sample"]
    with pytest.raises(InputError, match="config.sample is missing"):
        Settings.from_dict(config)
