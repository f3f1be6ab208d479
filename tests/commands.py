"""Commands as a user types them, each in a process of its own or in this one."""

import importlib.util
import os
import subprocess
import sys
import warnings
from unittest import mock

import numpy as np
from absl import flags
from PIL import Image

import cdae_jax.commands
from cdae_jax.commands import common, main, usage

ENVIRONMENT = os.environ | {"JAX_PLATFORMS": "cpu"}


def face_of(name):
    """The module that is a command, and what it is given to be that one: its face in `experiments` if it has one."""
    return [f"experiments.{name}"] if importlib.util.find_spec(f"experiments.{name}") else [main.__name__, name]


def command(name, *given, **environment):
    """A command in a process of its own, which takes seconds to start."""
    return subprocess.run(
        [sys.executable, "-m", *face_of(name), *given],
        capture_output=True,
        text=True,
        env=ENVIRONMENT | environment,
    )


def run_here(name, *given):
    """A command in this process, in a fraction of the seconds, with flags of its own.

    Whatever ends a command is raised: SystemExit for flags that it does not have, InputError, Stopped, NonFiniteLoss.
    """
    fresh = flags.FlagValues()
    for module, defined in flags.FLAGS.flags_by_module_dict().items():
        for flag in defined if not module.startswith("cdae_jax.commands.") else ():
            fresh[flag.name] = flag
    for shared in ("do_flags", "sampling_flags", "own_flags"):  # modules that define flags too: imported anew
        sys.modules.pop(f"cdae_jax.commands.{shared}", None)
        vars(cdae_jax.commands).pop(shared, None)
    with (
        mock.patch.dict(vars(flags.FLAGS), vars(fresh)),
        mock.patch.object(sys, "argv", [name, *given]),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "the load_module", DeprecationWarning)  # by which a config file is read
        spec = importlib.util.find_spec(f"cdae_jax.commands.{name}")
        module = importlib.util.module_from_spec(spec)
        before = sys.modules.get(spec.name)
        sys.modules[spec.name] = module  # by which absl knows whose flags they are
        try:
            spec.loader.exec_module(module)
        finally:
            sys.modules.pop(spec.name) if before is None else sys.modules.update({spec.name: before})
        if usage.is_asked(sys.argv):
            print(usage.of_command(module, sys.argv))
            return
        common.parse(sys.argv)
        module.main()


def assert_drawn(path):
    """That a picture is there, and not of one grey."""
    assert np.asarray(Image.open(path)).std() > 10


def process_that_times(settings, seconds):
    """In the place of a measurement: which process it would be made in."""
    return os.getpid()
