"""Settings that cannot work are refused by name, before any work starts."""

import pytest
from short_runs import settings_with

from cdae_jax.errors import InputError
from cdae_jax.settings.run import Settings
from configs.pendulum import get_config

POSITIVE = "expected a positive number"


@pytest.mark.parametrize(
    ("section", "field", "value", "message"),
    [
        ("data", "resolution", 30, "image side 30 is not divisible by 8"),
        ("data", "train_size", 0, f"config.data.train_size is 0: {POSITIVE}"),
        ("data", "num_evaluated", 0, f"config.data.num_evaluated is 0: {POSITIVE}"),
        ("data", "label_fraction", 0.0, "config.data.label_fraction is 0.0: expected a number above 0 and up to 1"),
        ("data", "label_fraction", 1.5, "config.data.label_fraction is 1.5: expected a number above 0 and up to 1"),
        ("data", "labelled_share", -0.1, "config.data.labelled_share is -0.1: expected a number from 0 to 1"),
        ("data", "labelled_share", 1.5, "config.data.labelled_share is 1.5: expected a number from 0 to 1"),
        ("model", "prior_sd", 0.0, f"config.model.prior_sd is 0.0: {POSITIVE}"),
        ("model", "unet_channels", 9, "unet_channels is 9: the 4 heads of the attention do not divide the 18 channels"),
        ("model", "attention", (16,), "names the height 16, but the UNet's levels are 4, 2 high"),
        ("diffusion", "num_steps", 3, "config.sample.num_steps is 4: expected a whole number from 1 to 3"),
        ("train", "steps", 0, f"config.train.steps is 0: {POSITIVE}"),
        ("train", "learning_rate", float("nan"), f"config.train.learning_rate is nan: {POSITIVE}"),
        ("train", "refine_every", 0, f"config.train.refine_every is 0: {POSITIVE}"),
        ("train", "refine_every", 2, 'refine_every is 2, but config.model.decoder is "diffusion", which has no draft'),
        ("train", "condition_drop", 1.0, "config.train.condition_drop is 1.0: expected a number from 0 up to but not"),
        ("train", "ema_decay", 1.0, "config.train.ema_decay is 1.0: expected a number from 0 up to but not"),
        ("sample", "num_steps", 5000, "config.sample.num_steps is 5000: expected a whole number from 1 to 1000"),
        ("sample", "depth", 1.5, "config.sample.depth is 1.5: expected a fraction of the diffusion time up to 1"),
        ("model", "style_dim", -1, "config.model.style_dim is -1: expected a number of at least 0"),
        ("train", "gamma", -1.0, "config.train.gamma is -1.0: expected a number of at least 0"),
        ("train", "warmup_steps", -5, "config.train.warmup_steps is -5: expected a number of at least 0"),
        ("train", "anneal_steps", -1, "config.train.anneal_steps is -1: expected a number of at least 0"),
        (
            "model",
            "encoder_multipliers",
            (),
            r"config.model.encoder_multipliers is \(\): expected one or more",
        ),
        ("sample", "corrections", -1, "config.sample.corrections is -1: expected a whole number of at least 0"),
        ("sample", "fit_steps", -1, "config.sample.fit_steps is -1: expected a whole number of at least 0"),
        ("sample", "fit_steps", 1, 'config.sample.fit_steps is 1, but config.model.decoder is "diffusion"'),
        ("system", "microbatches", 0, f"config.system.microbatches is 0: {POSITIVE}"),
        ("system", "fsdp", 0, f"config.system.fsdp is 0: {POSITIVE}"),
    ],
)
def test_a_value_that_cannot_work_is_named(section, field, value, message):
    config = get_config("smoke").to_dict()
    config["model"] |= {"unet_multipliers": (1, 2), "attention": (2,)}
    config[section][field] = value
    with pytest.raises(InputError, match=message):
        Settings.from_dict(config)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"train": {"condition_drop": 0.0}, "sample": {"guidance": 1.5}},
            "config.sample.guidance is 1.5, but with config.train.condition_drop 0 no null condition",
        ),
        (
            {"train": {"mechanisms": "objective"}, "model": {"mechanism": "auto"}},
            'config.model.mechanism is "auto", which labels choose before training, but config.train.mechanisms is',
        ),
        (
            {"model": {"decoder": "conv"}, "train": {"condition": "labels"}},
            'config.train.condition is "labels", but the conv decoder has no condition for unlabelled images',
        ),
        (
            {"model": {"style_dim": 2}},
            'config.model.style_dim is 2, but config.model.decoder is "diffusion", which has no',
        ),
        (
            {"model": {"style_dim": 2, "decoder": "refiner"}, "train": {"gamma": 0.0}},
            "config.model.style_dim is 2, but config.train.gamma is 0: no label aligns the latents",
        ),
        ({"model": {"decoder": "conv"}, "train": {"refine_every": 2}}, 'config.model.decoder is "conv", which has no'),
        (
            {"train": {"gamma": 0.0}, "sample": {"corrections": 1}},
            "config.sample.corrections is 1, but with config.train.gamma 0 the latents follow no labels",
        ),
        (
            {"train": {"gamma": 0.0}, "sample": {"fit_steps": 1}},
            "config.sample.fit_steps is 1, but with config.train.gamma 0 the latents follow no labels",
        ),
    ],
)
def test_values_that_do_not_go_together_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        settings_with(**changes)


@pytest.mark.parametrize(("mechanism", "message"), [("afine", "did you mean"), ("class", "auto$")])
def test_mechanisms_that_a_variable_cannot_have_are_named(mechanism, message):
    config = get_config("smoke").to_dict() | {"graph": {"a": {}, "b": {"parents": ["a"], "mechanism": mechanism}}}
    with pytest.raises(
        InputError, match=rf"config.graph\['b'\].mechanism is '{mechanism}': expected one of additive, .*{message}"
    ):
        Settings.from_dict(config)
    config["graph"]["b"] |= {"mechanism": "class", "kind": "binary"}
    assert Settings.from_dict(config).graph.class_effects == (1,)
    config["train"]["mechanisms"] = "objective"
    with pytest.raises(InputError, match=r"graph\['b'\].mechanism is \"class\", which is fitted to labels, but"):
        Settings.from_dict(config)


def test_one_hop_is_the_mechanism_of_all_variables_or_of_none():
    """As training writes the fitted kinds into the graph."""
    settings = settings_with("smoke,method=one_hop")
    kinds = {"length": "one_hop", "position": "one_hop"}
    assert settings.with_mechanisms(kinds).graph.variables[2].mechanism == "one_hop"
    with pytest.raises(InputError, match="config.graph.'length'..mechanism is 'one_hop': expected one of additive"):
        settings_with("smoke").with_mechanisms(kinds)
