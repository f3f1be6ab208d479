"""Every setting of a run as frozen dataclasses; a config file fills them and a workdir stores them as JSON."""

import dataclasses
import typing
from collections.abc import Mapping

import numpy as np

from cdae_jax.counterfactual.algorithm import ABDUCTIONS
from cdae_jax.data.settings import BY_NAME, Data
from cdae_jax.diffusion.grids import CHOICES, default_depth, resolve, time_grid
from cdae_jax.diffusion.process import PREDICTIONS, SCHEDULES, Schedule
from cdae_jax.diffusion.solvers import SOLVERS
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, did_you_mean
from cdae_jax.model.causal_diffae import DECODERS, DTYPES, PRIORS, CausalDiffAE
from cdae_jax.model.scm import MECHANISMS
from cdae_jax.model.unet import check_image_size
from cdae_jax.objective.objective import CONDITIONS
from cdae_jax.settings.checks import check_possible


@dataclasses.dataclass(frozen=True)
class Model:
    """Sizes; see `cdae_jax.model.causal_diffae.CausalDiffAE`."""

    block_dim: int
    encoder_channels: int
    encoder_multipliers: tuple[int, ...]
    encoder_patch: int
    unet_channels: int
    unet_multipliers: tuple[int, ...]
    num_blocks: int
    attention: tuple[int, ...]
    num_heads: int
    patch: int
    mechanism: str  # "additive", "affine" or "one_hop"
    mechanism_hidden: int
    prior: str  # "fixed" or "learned"
    prior_sd: float  # standard deviation of p(z | y), in units of the standardised labels
    decoder: str = "diffusion"  # or "refiner" or "conv"
    parts: bool = False  # drafts, or the conv decoder, draw the graph's parts one by one, see `decoder.PartsDecoder`
    dtype: str = "float32"  # of what encoder and UNet compute, or "bfloat16"; parameters and losses are float32
    remat: bool = False  # computes the UNet's blocks twice to spare memory


@dataclasses.dataclass(frozen=True)
class Diffusion:
    """The process; see `cdae_jax.diffusion.process`."""

    num_steps: int
    schedule: str  # "linear" or "cosine"
    prediction: str  # "eps", "v" or "x_0"


@dataclasses.dataclass(frozen=True)
class Train:
    """Optimisation; the weights are those of `cdae_jax.objective.objective`."""

    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int
    decay: bool  # cosine decay of the learning rate to 0 over the run, else constant after the warm-up
    weight_decay: float
    clip_norm: float
    ema_decay: float
    kl_u: float
    kl_z: float
    mechanism: float
    anneal_steps: int
    condition_drop: float
    log_every: int
    checkpoint_every: int
    seed: int = 0
    microbatches: int = 1  # parts of a batch whose gradients are added up, to spare memory
    fsdp: int = 1  # devices that share one copy of the state
    min_shard_mib: float = 1.0  # smaller arrays are not shared
    kl_missing: float = 0.0
    mechanism_missing: float = 0.0
    condition: str = "encoding"  # what the decoder is conditioned on in training, see `cdae_jax.objective.objective`
    mechanism_alone: bool = False  # the mechanisms learn from the labels' likelihood alone, not from the other terms
    refine_every: int = 1  # of so many images of a batch one trains the UNet of a refiner, all of them its draft
    mechanism_rate: float = 1.0  # learning rate of the mechanisms over that of all else


ACTIONS = ("mechanisms", "direction")


@dataclasses.dataclass(frozen=True)
class Sample:
    """Defaults of `counterfactual` for models of this config."""

    num_steps: int  # network evaluations in each direction
    guidance: float
    abduction: str = "invert"  # or "restore" or "noise", see `cdae_jax.counterfactual.algorithm`
    depth: float = 1.0  # fraction of the diffusion time in (0, 1], or 0 for `grids.default_depth`
    solver: str = "ddim"  # see `cdae_jax.diffusion.solvers`
    spacing: str = "uniform"  # or "auto"; see `cdae_jax.diffusion.grids`
    corrections: int = 0  # how often what the encoder misses is asked for again, see `counterfactual.missing`
    fit_steps: int = 0  # by which what the encoder reads is fitted to the image through the draft, see `fit.fit`
    action: str = "mechanisms"  # set latents and propagate; or "direction": see `cdae_jax.counterfactual.readout`


@dataclasses.dataclass(frozen=True)
class Evaluate:
    """Test images, and the steps that the anti-causal predictor is trained for."""

    num_images: int
    predictor_steps: int


@dataclasses.dataclass(frozen=True)
class Settings:
    """A run. `graph` maps each variable's name to its parents, kind and unit."""

    data: Data
    graph: CausalGraph
    model: Model
    diffusion: Diffusion
    train: Train
    sample: Sample
    evaluate: Evaluate

    def to_dict(self) -> dict:
        """Plain data for JSON; `from_dict` reads it back."""
        sections = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        graph = {spec.pop("name"): spec for spec in self.graph.to_list()}
        plain = {name: graph if name == "graph" else dataclasses.asdict(value) for name, value in sections.items()}
        return _tuples_to_lists(plain)

    @classmethod
    def from_dict(cls, config: Mapping) -> "Settings":
        """Checks and converts a nested mapping. Raises InputError naming the field that is wrong."""
        sections = typing.get_type_hints(cls)
        _check_names("config", config, sections)
        graph = CausalGraph.from_list([{"name": name, **spec} for name, spec in config["graph"].items()])
        _check_choice("data.name", config["data"].get("name"), tuple(BY_NAME))
        kinds = sections | {"data": BY_NAME[config["data"]["name"]]}
        built = {name: _build(name, kind, config[name]) for name, kind in kinds.items() if name != "graph"}
        settings = cls(graph=graph, **built)
        settings.check()
        return settings

    def check(self) -> None:
        """Raises InputError for values that cannot work, before any work starts."""
        for field, value, known in (
            ("model.mechanism", self.model.mechanism, MECHANISMS),
            ("model.prior", self.model.prior, PRIORS),
            ("model.decoder", self.model.decoder, DECODERS),
            ("model.dtype", self.model.dtype, DTYPES),
            ("train.condition", self.train.condition, CONDITIONS),
            ("sample.abduction", self.sample.abduction, ABDUCTIONS),
            ("sample.action", self.sample.action, ACTIONS),
            ("sample.solver", self.sample.solver, tuple(SOLVERS)),
            ("sample.spacing", self.sample.spacing, CHOICES),
            ("diffusion.schedule", self.diffusion.schedule, SCHEDULES),
            ("diffusion.prediction", self.diffusion.prediction, PREDICTIONS),
        ):
            _check_choice(field, value, known)
        for section, names in (
            ("data", tuple(name for name in ("resolution", "train_size", "test_size") if hasattr(self.data, name))),
            ("model", ("block_dim", "encoder_channels", "encoder_patch", "unet_channels", "num_blocks")),
            ("model", ("num_heads", "patch", "mechanism_hidden", "prior_sd")),
            ("train", ("steps", "batch_size", "learning_rate", "clip_norm", "log_every", "checkpoint_every")),
            ("train", ("microbatches", "fsdp", "refine_every", "mechanism_rate")),
            ("sample", ("num_steps",)),
            ("evaluate", ("num_images", "predictor_steps")),
        ):
            for name in names:
                value = getattr(getattr(self, section), name)
                if not value > 0:
                    raise InputError(f"config.{section}.{name} is {value}: expected a positive number")
        for name in ("condition_drop", "ema_decay"):
            value = getattr(self.train, name)
            if not 0 <= value < 1:
                raise InputError(f"config.train.{name} is {value}: expected a number from 0 up to but not including 1")
        if self.train.mechanism_alone and not self.train.mechanism:
            raise InputError(
                "config.train.mechanism_alone is True, but with config.train.mechanism 0 the mechanisms would learn"
                " from nothing: use a weight above 0, or mechanism_alone False"
            )
        if self.train.refine_every > 1 and self.model.decoder != "refiner":
            raise InputError(
                f"config.train.refine_every is {self.train.refine_every}, but config.model.decoder is"
                f' "{self.model.decoder}", which has no draft that could learn from the other images: use 1'
            )
        if self.model.parts and (self.model.decoder == "diffusion" or len(self.graph.parts) < 2):
            raise InputError(
                f'config.model.parts is True, but config.model.decoder is "{self.model.decoder}" and the variables of'
                f" config.graph name {len(self.graph.parts)} parts: it takes the decoder refiner or conv and at least 2"
                " parts; else use False"
            )
        for name in ("corrections", "fit_steps"):
            if getattr(self.sample, name) < 0:
                raise InputError(f"config.sample.{name} is {getattr(self.sample, name)}: expected 0 or more")
        sample = dataclasses.asdict(self.sample)
        check_possible(sample, self.model.decoder, sample["action"], self.train.condition_drop, "config.sample.")
        for var in self.graph.variables:
            if var.kind == "categorical" and var.classes > self.model.block_dim:
                raise InputError(
                    f"config.model.block_dim is {self.model.block_dim}, but {var.name!r} has {var.classes} classes:"
                    f" use a block_dim of at least {var.classes}"
                )
        if not 0 < self.data.label_fraction <= 1:
            raise InputError(
                f"config.data.label_fraction is {self.data.label_fraction}: expected a number above 0 and up to 1"
            )
        if not 0 <= self.data.labelled_share <= 1:
            raise InputError(f"config.data.labelled_share is {self.data.labelled_share}: expected a number from 0 to 1")
        if not 0 <= self.sample.depth <= 1:
            raise InputError(
                f"config.sample.depth is {self.sample.depth}: expected a number from 0, which is the default, to 1"
            )
        depth = self.sampling["depth"]
        available = max(1, int(depth * self.diffusion.num_steps + 0.5))
        if self.sample.num_steps > available:
            raise InputError(
                f"config.sample.num_steps is {self.sample.num_steps}, more than the {available} steps of"
                f" config.diffusion.num_steps to the depth {depth:g}: use fewer"
            )
        if self.model.decoder == "conv" and self.train.condition == "labels":
            raise InputError(
                'config.train.condition is "labels", but the conv decoder has no condition for unlabelled images:'
                ' use "encoding", or the diffusion decoder'
            )
        check_image_size(self.data.resolution, self.model.patch, len(self.model.unet_multipliers))
        check_image_size(self.data.resolution, self.model.encoder_patch, num_levels=1)
        top = self.data.resolution // self.model.patch
        heights = [top // 2**level for level in range(len(self.model.unet_multipliers))]
        for height in self.model.attention:
            if height not in heights:
                raise InputError(
                    f"config.model.attention names the height {height}, but the UNet's levels are"
                    f" {', '.join(map(str, heights))} high: name some of these"
                )
        for height, multiplier in zip(heights, self.model.unet_multipliers, strict=True):
            width = self.model.unet_channels * multiplier
            if height in self.model.attention and width % self.model.num_heads:
                raise InputError(
                    f"config.model.num_heads is {self.model.num_heads}, which does not divide the {width} channels"
                    f" of the level of height {height}: change one of them"
                )

    @property
    def sampling(self) -> dict:
        """The options of `TrainedModel.counterfactual` that `sample` states."""
        options = dataclasses.asdict(self.sample)
        del options["action"]
        return options | {"depth": self.sample.depth or default_depth(self.model.decoder, self.diffusion.prediction)}

    def spacing(self, choice: str, solver: str) -> str:
        """What "auto" means for a solver in models of these settings, see `grids.resolve`."""
        return resolve(choice, solver, self.diffusion.schedule, self.diffusion.prediction)

    def steps(self, schedule: Schedule) -> np.ndarray:
        """The diffusion steps [num_steps] that `sample` visits, see `grids.time_grid`."""
        spacing = self.spacing(self.sample.spacing, self.sample.solver)
        return time_grid(schedule, self.sample.num_steps, self.sampling["depth"], spacing)

    def make_model(self, num_classes: int) -> CausalDiffAE:
        """The Flax module of these settings; num_classes of the dataset's context."""
        return CausalDiffAE(
            graph=self.graph,
            num_classes=num_classes,
            prediction=self.diffusion.prediction,
            **dataclasses.asdict(self.model),
        )


def _tuples_to_lists(value):
    if isinstance(value, dict):
        return {key: _tuples_to_lists(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _check_choice(field: str, value, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"config.{field} is {value!r}: expected one of {', '.join(known)}{did_you_mean(value, known)}")


def _check_names(where: str, given: Mapping, expected: Mapping) -> None:
    for name in given:
        if name not in expected:
            raise InputError(f"{where}.{name} is no setting{did_you_mean(name, expected)}")
    missing = [name for name in expected if name not in given]
    if missing:
        raise InputError(f"{where}.{missing[0]} is missing: the settings of {where} are {', '.join(expected)}")


def _build(section: str, kind: type, given: Mapping):
    types = typing.get_type_hints(kind)
    defaults = {
        field.name: field.default for field in dataclasses.fields(kind) if field.default is not dataclasses.MISSING
    }
    given = defaults | dict(given)
    _check_names(f"config.{section}", given, types)
    return kind(**{name: _convert(f"config.{section}.{name}", types[name], given[name]) for name in types})


def _convert(where: str, kind, value):
    if typing.get_origin(kind) is tuple:
        is_ints = isinstance(value, (tuple, list)) and all(type(item) is int and item > 0 for item in value)
        if not is_ints:
            raise InputError(f"{where} is {value!r}: expected positive integers such as (1, 2)")
        return tuple(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise InputError(f"{where} is {value!r}: expected a value of type {kind.__name__}")
    return value
