"""The flag --config: a name and a size such as pendulum:cpu, or a config file, whose fields flags may change."""

import dataclasses
import pathlib
import re
from collections.abc import Mapping

import ml_collections
from absl import flags
from ml_collections import config_flags

from cdae_jax.data.graph_files import graph_section
from cdae_jax.errors import InputError
from cdae_jax.graph import AUTO, did_you_mean
from cdae_jax.paths import expanded
from cdae_jax.presets.build import plain_settings, with_shares
from cdae_jax.presets.datasets import DATASETS
from cdae_jax.settings.run import Settings

flags.disclaim_key_flags()  # the flag belongs to the command that defines it
HELP = "What to train on and a size (cpu, smoke, paper), such as pendulum:cpu, or a config file."


def config_of(dataset: str, argument: str, graph: Mapping | None = None) -> ml_collections.ConfigDict:
    """The config of a dataset for "<size>" or "<size>,method=<name>"; numbers that are shares of the steps follow them.

    Args:
      graph: of the user's own images; None for the dataset's.

    Raises:
      InputError: no such size or method.
    """
    size, _, option = argument.partition(",")
    key, _, method = option.partition("=")
    if option and key != "method":
        raise InputError(f"the config was given {option!r}: expected method=<name>")
    plain = plain_settings(dataset, size, method or "ours", graph)
    train, graph = plain.pop("train"), plain.pop("graph")
    config = ml_collections.ConfigDict(plain, sort_keys=False)
    config.train = ml_collections.ConfigDict(sort_keys=False)
    config.train.steps = train["steps"]
    for name, value in with_shares(train, config.train.get_ref("steps")).items():
        is_float = isinstance(value, ml_collections.FieldReference) and isinstance(value.get(), float)
        config.train[name] = value.to_float() if is_float else value  # else it has the type of the steps
    config.train.batch_size = ml_collections.FieldReference(train["batch_size"], field_type=object)  # or "auto"
    config.graph = ml_collections.ConfigDict(graph, sort_keys=False)  # keeps the variables' order
    return config


def own_config(argument: str) -> ml_collections.ConfigDict:
    """The config of the user's own images for "<size>,<graph file>" or "<size>,<graph file>,method=<name>".

    Raises:
      InputError: no such size or method, or a graph that cannot be read.
    """
    parts = re.fullmatch(r"([^,]*),(?!method=)(.+?)(,method=[^,]*)?", argument)
    if not parts:
        raise InputError(f"the config was given {argument!r}: expected a size and a graph file, such as cpu,graph.json")
    return config_of("custom", parts[1] + (parts[3] or ""), graph_section(expanded(parts[2])))


class _NameOrFile(flags.ArgumentParser):
    """ "<dataset>[:<size>...]" or "<file>[:<argument>]" -> a config whose fields are locked."""

    def __init__(self, of_files: flags.ArgumentParser):
        self._of_files = of_files

    def parse(self, argument: str) -> ml_collections.ConfigDict:
        name, colon, rest = argument.partition(":")
        if name in DATASETS:
            config = own_config(rest) if name == "custom" else config_of(name, rest if colon else "cpu")
            return config.lock()
        path = expanded(name)
        if not path.is_file():
            raise InputError(
                f"there is no config {name!r}: expected one of {', '.join(DATASETS)}, or a Python file with"
                f" get_config(){did_you_mean(pathlib.Path(name).stem, DATASETS)}"
            )
        return self._of_files.parse(f"{path}{colon}{rest}")


def define(
    help_string: str = HELP, flag_values: flags.FlagValues = flags.FLAGS, argv: list[str] | None = None
) -> flags.FlagHolder[ml_collections.ConfigDict]:
    """Defines --config. The changes to its fields, --config.x.y=z, are those of `argv`, by default of the command."""
    holder = config_flags.DEFINE_config_file("config", None, help_string, flag_values, sys_argv=argv)
    flag_values["config"].parser = _NameOrFile(flag_values["config"].parser)
    return holder


def settings(flag_values: flags.FlagValues = flags.FLAGS) -> Settings:
    """What the flag and its changes say. Raises InputError for settings that no run can have, and as
    `fitting_batch_size`."""
    plain = flag_values.config.to_dict()
    train = plain["train"]
    if train["batch_size"] != AUTO:
        return Settings.from_dict(plain).resolved()
    from cdae_jax.profiling.batch_size import fitting_batch_size  # takes seconds to import

    any_size = Settings.from_dict(plain | {"train": train | {"batch_size": train["refine_every"]}}).resolved()
    size = fitting_batch_size(any_size)
    print(f"batch size {size}, which fits the memory")
    return dataclasses.replace(any_size, train=dataclasses.replace(any_size.train, batch_size=size))


def argv_of(flag_values: flags.FlagValues = flags.FLAGS) -> list[str]:
    """The --config flags of this command, for commands that it starts."""
    flag = flag_values["config"]
    overrides = config_flags.get_override_values(flag)
    return [f"--config={config_flags.get_config_filename(flag)}"] + [f"--config.{k}={v}" for k, v in overrides.items()]
