"""Checks for values of the settings that cannot work, made before any work starts."""

from collections.abc import Mapping

from cdae_jax.errors import InputError
from cdae_jax.graph import AUTO, CLASS, CausalGraph, did_you_mean
from cdae_jax.model.decoders import DECODERS
from cdae_jax.model.scm import MECHANISMS
from cdae_jax.model.unet import NUM_HEADS, check_image_size
from cdae_jax.settings.sections import Model, Train

POSITIVE = (
    *("data.resolution", "data.train_size", "data.test_size", "data.num_evaluated", "data.judge_steps"),
    *("model.block_dim", "model.encoder_channels", "model.encoder_patch", "model.unet_channels", "model.num_blocks"),
    *("model.patch", "model.mechanism_hidden", "model.prior_sd"),
    *("train.steps", "train.batch_size", "train.learning_rate", "train.checkpoint_every", "train.refine_every"),
    *("system.microbatches", "system.fsdp"),
)
NOT_NEGATIVE = (
    *("data.seed", "train.seed", "model.style_dim", "train.gamma", "train.warmup_steps", "train.anneal_steps"),
)
BELOW_1 = ("data.validation_share", "train.condition_drop", "train.ema_decay")
RANGES = {
    "a positive number": (lambda value: value > 0, POSITIVE),
    "a number of at least 0": (lambda value: value >= 0, NOT_NEGATIVE),
    "a number above 0 and up to 1": (lambda value: 0 < value <= 1, ("data.label_fraction",)),
    "a number from 0 to 1": (lambda value: 0 <= value <= 1, ("data.labelled_share",)),
    "a number from 0 up to but not including 1": (lambda value: 0 <= value < 1, BELOW_1),
}


def check_names(where: str, given: Mapping, expected: Mapping) -> None:
    """Raises InputError for a name that is no setting, and for one that is missing."""
    for name in given:
        if name not in expected:
            raise InputError(f"{where}.{name} is no setting{did_you_mean(name, expected)}")
    missing = [name for name in expected if name not in given]
    if missing:
        raise InputError(f"{where}.{missing[0]} is missing: the settings of {where} are {', '.join(expected)}")


def check_choice(field: str, value, known: tuple[str, ...]) -> None:
    """Raises InputError unless the value of config.<field> is one of those known."""
    if value not in known:
        raise InputError(f"config.{field} is {value!r}: expected one of {', '.join(known)}{did_you_mean(value, known)}")


def check_numbers(settings) -> None:
    """Raises InputError for a number outside its range in RANGES."""
    for expected, (is_in_range, paths) in RANGES.items():
        for path in paths:
            section, name = path.split(".")
            value = getattr(getattr(settings, section), name, 1)  # sizes are not of every dataset
            if not is_in_range(value):
                raise InputError(f"config.{path} is {value}: expected {expected}")


def check_train(train: Train, model: Model) -> None:
    """Raises InputError for settings of training that the decoder, style or the mechanisms do not go with."""
    if model.mechanism == AUTO and train.mechanisms != "labels":
        raise InputError(
            f'config.model.mechanism is "{AUTO}", which labels choose before training, but config.train.mechanisms is'
            f' "{train.mechanisms}": use "labels", or name a kind of mechanism'
        )
    decoder = DECODERS[model.decoder]
    if model.style_dim and not decoder.has_draft:
        raise InputError(
            f'config.model.style_dim is {model.style_dim}, but config.model.decoder is "{model.decoder}", which has no'
            ' draft to see style: use 0, or "refiner"'
        )
    if model.style_dim and not train.gamma:
        raise InputError(
            f"config.model.style_dim is {model.style_dim}, but config.train.gamma is 0: no label aligns the latents,"
            " and style would be all that the draft needs; use 0, or a gamma above 0"
        )
    if train.refine_every > 1 and not (decoder.has_draft and decoder.diffuses):
        raise InputError(
            f'config.train.refine_every is {train.refine_every}, but config.model.decoder is "{model.decoder}", which'
            " has no draft that could learn from the other images: use 1"
        )
    if not decoder.diffuses and train.condition == "labels":
        raise InputError(
            'config.train.condition is "labels", but the conv decoder has no condition for unlabelled images:'
            ' use "encoding", or the diffusion decoder'
        )


def check_mechanisms(train: Train, model: Model, graph: CausalGraph) -> None:
    """Raises InputError for a mechanism of the graph that is unknown, or cannot be learned as the settings say."""
    for var in graph.variables:
        if var.mechanism:
            own = tuple(kind for kind in MECHANISMS if kind != "one_hop" or kind == model.mechanism)  # of all or none
            known = (*own, AUTO) if var.kind == "continuous" else (*own, AUTO, CLASS)
            check_choice(f"graph[{var.name!r}].mechanism", var.mechanism, known)
        if var.mechanism in (AUTO, CLASS) and train.mechanisms != "labels":
            raise InputError(
                f'config.graph[{var.name!r}].mechanism is "{var.mechanism}", which is fitted to labels, but'
                f' config.train.mechanisms is "{train.mechanisms}": use "labels", or name another mechanism'
            )


def check_model(model: Model, resolution: int) -> None:
    """Raises InputError for sizes of encoder and UNet that do not fit images of this resolution, or each other."""
    for name in ("encoder_multipliers", "unet_multipliers"):
        if not getattr(model, name):
            raise InputError(f"config.model.{name} is (): expected one or more positive integers such as (1, 2)")
    check_image_size(resolution, model.patch, len(model.unet_multipliers))
    check_image_size(resolution, model.encoder_patch, num_levels=1)
    heights = [resolution // model.patch // 2**level for level in range(len(model.unet_multipliers))]
    for height in model.attention:
        if height not in heights:
            raise InputError(
                f"config.model.attention names the height {height}, but the UNet's levels are"
                f" {', '.join(map(str, heights))} high: name some of these"
            )
        width = model.unet_channels * model.unet_multipliers[heights.index(height)]
        if width % NUM_HEADS:
            raise InputError(
                f"config.model.unet_channels is {model.unet_channels}: the {NUM_HEADS} heads of the attention do not"
                f" divide the {width} channels of the level of height {height}; change one of them"
            )
