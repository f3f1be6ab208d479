"""Every setting of a run as frozen dataclasses; a config file fills them and a workdir stores them as JSON."""

import dataclasses
import json
import typing
from collections.abc import Mapping

import numpy as np

from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.data.kinds import resolve_kinds
from cdae_jax.data.settings import BY_NAME, Data
from cdae_jax.diffusion.grids import spacing_of, time_grid
from cdae_jax.diffusion.process import Schedule, make_schedule
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph
from cdae_jax.model.causal_diffae import CausalDiffAE
from cdae_jax.model.decoders import DECODERS
from cdae_jax.settings import checks
from cdae_jax.settings.retired import without_retired
from cdae_jax.settings.sections import Diffusion, Model, System, Train

WORDS = {int: "a whole number", float: "a number", bool: "True or False", str: "text"}


@dataclasses.dataclass(frozen=True)
class Settings:
    """All settings of a run. Raises InputError for values that cannot work, before any work starts."""

    data: Data
    graph: CausalGraph
    model: Model
    diffusion: Diffusion
    train: Train
    sample: Sampling
    system: System

    def to_dict(self) -> dict:
        """Plain data for JSON; `from_dict` reads it back."""
        plain = dataclasses.asdict(self) | {"graph": self.graph.to_dict()}
        return json.loads(json.dumps(plain))  # tuples become lists

    @classmethod
    def from_dict(cls, config: Mapping) -> "Settings":
        """Checks and converts a nested mapping. Raises InputError for a field that is wrong, by its name."""
        sections, config = typing.get_type_hints(cls), {"system": {}} | dict(config)
        checks.check_names("config", config, sections)
        graph = CausalGraph.from_list([{"name": name, **spec} for name, spec in config["graph"].items()])
        checks.check_choice("data.name", config["data"].get("name"), tuple(BY_NAME))
        kinds = sections | {"data": BY_NAME[config["data"]["name"]]}
        built = {name: _build(name, kind, config[name]) for name, kind in kinds.items() if name != "graph"}
        return cls(graph=graph, **built)

    @classmethod
    def from_stored(cls, config: Mapping) -> "Settings":
        """The settings of a run that this or an older version stored (`retired`). Raises InputError as `from_dict`."""
        return cls.from_dict(without_retired(config))

    def __post_init__(self):
        checks.check_numbers(self)
        checks.check_train(self.train, self.model)
        checks.check_mechanisms(self.train, self.model, self.graph)
        checks.check_model(self.model, self.data.resolution)
        self.sampling.check(self.diffusion.num_steps, "config.sample.")
        decoder = DECODERS[self.model.decoder]
        self.sample.check_for(decoder, self.train.condition_drop, self.is_aligned, "config.sample.")

    def resolved(self) -> "Settings":
        """The settings with what the graph leaves open read from the user's table of labels (`data.kinds`); the same
        for other datasets. Raises InputError as `resolve_kinds` does."""
        if self.data.name != "custom":
            return self
        return dataclasses.replace(self, graph=resolve_kinds(self.data, self.graph))

    def with_mechanisms(self, kinds: Mapping[str, str]) -> "Settings":
        """The settings with these mechanisms of the named variables (chosen for "auto", for example)."""
        return dataclasses.replace(self, graph=self.graph.with_mechanisms(kinds))

    @property
    def is_aligned(self) -> bool:
        """Whether labels align the latents; else a linear readout reads and sets them (DiffAE, a baseline)."""
        return self.train.gamma > 0

    @property
    def draws_parts(self) -> bool:
        """Whether the decoder draws each part of the image that the graph names by itself."""
        return DECODERS[self.model.decoder].has_draft and len(self.graph.parts) > 1

    @property
    def sampling(self) -> Sampling:
        """`sample` with the default depth in the place of 0."""
        return self.sample.resolved(self.diffusion.prediction)

    def steps(self, schedule: Schedule, sampling: Sampling) -> np.ndarray:
        """The diffusion steps [num_steps] that such a `sampling` visits, see `grids.time_grid`."""
        spacing = spacing_of(sampling.solver, self.diffusion.schedule)
        return time_grid(schedule, sampling.num_steps, sampling.depth, spacing)

    def make_schedule(self) -> Schedule:
        return make_schedule(self.diffusion.schedule, self.diffusion.num_steps)

    def make_model(self, num_classes: int) -> CausalDiffAE:
        """The Flax module of these settings; num_classes of the dataset's context. Where a variable has more classes
        than config.model.block_dim its blocks have as many dimensions."""
        kinds = {
            **dataclasses.asdict(self.model),
            "block_dim": max(self.model.block_dim, self.graph.most_classes),
            "decoder": DECODERS[self.model.decoder],
            "prediction": self.diffusion.prediction,
            "dtype": self.system.dtype,
            "remat": self.system.remat,
        }
        del kinds["label_scale"]
        return CausalDiffAE(self.graph, num_classes=num_classes, **kinds)


def _build(section: str, kind: type, given: Mapping):
    types = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    given = {field.name: field.default for field in fields if field.default is not dataclasses.MISSING} | dict(given)
    checks.check_names(f"config.{section}", given, types)
    return kind(**{name: _convert(f"{section}.{name}", types[name], given[name]) for name in types})


def _convert(field: str, kind, value):
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, (tuple, list)) or not all(type(item) is int and item > 0 for item in value):
            raise InputError(f"config.{field} is {value!r}: expected positive integers such as (1, 2)")
        return tuple(value)
    if typing.get_origin(kind) is typing.Literal:
        checks.check_choice(field, value, typing.get_args(kind))
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        where = "; cdae train and benchmark alone find one" if (field, value) == ("train.batch_size", "auto") else ""
        raise InputError(f"config.{field} is {value!r}: expected {WORDS[kind]}{where}")
    return value
