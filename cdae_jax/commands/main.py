"""`cdae <command> --flag=value ...`: finds the command, and imports no other."""

import importlib
import importlib.metadata
import sys

from cdae_jax.commands import common, usage
from cdae_jax.graph import did_you_mean

COMMANDS = (
    "fit",
    "inspect",
    "train",
    "calibrate",
    "evaluate",
    "counterfactual",
    "generate",
    "explore",
    "export",
    "compare",
    "baselines",
    "sweep",
    "frontier",
    "strength",
    "leak",
    "mechanisms",
    "benchmark",
    "benchmark_data",
    "convert_judges",
    "plan",
    "make_example",
)


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in usage.ASKS:
        print(usage.overview(COMMANDS))
    elif name == "--version":
        print(importlib.metadata.version("cdae_jax"))
    elif name not in COMMANDS:
        common.stop(f"there is no command {name!r}: cdae --help lists them{did_you_mean(name, COMMANDS)}")
    else:
        sys.argv[:2] = [f"cdae {name}"]
        common.run(importlib.import_module(f"cdae_jax.commands.{name}").main)


if __name__ == "__main__":
    main()
