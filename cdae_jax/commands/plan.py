"""What a config would need on a TPU slice, on any machine.

It is asked of the TPU's compiler: pip install "cdae_jax[tpu]".

cdae plan --config=morpho_mnist:paper --topology=v5e:4x4
"""

import jax
from absl import flags

from cdae_jax.commands import common, config, define
from cdae_jax.profiling.plan import plan

config.define()
TOPOLOGY = flags.DEFINE_list("topology", None, "Slices, separated by commas, such as v5e:2x4,v6e:4x4,v5p:2x2x2.")
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", None, "Images of a step; without, the config's, or as many as the chips need.", lower_bound=1
)
OUTPUT = define.path("output", None, "JSON file to write; none without.")
flags.mark_flags_as_required(["config", "topology"])

COLUMNS = (
    "slice",
    "parameters",
    "batch",
    "GFLOP per image",
    "FLOP per byte",
    "step, at least",
    "images/s, at most",
    "collectives per step and chip",
    "memory per chip",
    "largest batch",
    "counterfactual, at least",
    "its memory",
)


def _gib(num_bytes: float) -> str:
    return f"{num_bytes / 2**30:.2f}"


def row(found: dict) -> list[str]:
    """The cells under COLUMNS."""
    train, answer = found["train"], found["counterfactual"]
    collectives = ", ".join(
        f"{entry['count']} {name} of {entry['bytes'] / 2**20:.1f} MiB" for name, entry in train["collectives"].items()
    )
    return [
        f"{found['topology']} ({found['chips']} chips)",
        f"{found['parameters'] / 1e6:.1f} M",
        str(found["batch_size"]),
        f"{train['flops_per_image'] / 1e9:.1f}",
        f"{train['intensity']:.0f}",
        f"{1000 * train['seconds']:.1f} ms ({train['bound']})",
        f"{found['batch_size'] / train['seconds']:,.0f}",
        collectives or "none",
        f"{_gib(train['bytes'])} of {_gib(found['memory_per_chip'])} GiB",
        "?" if train["largest_batch"] is None else f"about {train['largest_batch']:,}",
        f"{1000 * answer['seconds'] / found['batch_size']:.2f} ms an image ({answer['bound']})",
        f"{_gib(answer['bytes'])} GiB",
    ]


def main() -> None:
    jax.config.update("jax_platforms", "cpu")  # a TPU that is there is left to others
    settings, found = config.settings(), []
    plans = plan(settings, TOPOLOGY.value, BATCH_SIZE.value)
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}")
    for planned in plans:
        found.append(planned)
        print(f"| {' | '.join(row(found[-1]))} |", flush=True)
        if OUTPUT.value:
            common.write_json(OUTPUT.value, found)
