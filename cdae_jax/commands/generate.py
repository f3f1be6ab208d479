"""Counterfactuals of many images, written as they are made.

The output is a folder of shards (cdae_jax.inference.shards), and of files.csv with the name of every image. The same
command goes on where it was stopped; started several times at once, on one machine or on many with one disk, it shares
the shards out. --do and --strength are as for cdae counterfactual.

cdae generate --workdir=runs/pendulum --input=photos --do=angle=20 --output=angle20
"""

from absl import flags

from cdae_jax.commands import define, do_flags, sampling_flags
from cdae_jax.inference.loading import load
from cdae_jax.inference.shards import far_note, generate, open_source

WORKDIR = define.path("workdir", None, "Folder of a trained model, an exported file, or a model's name.")
INPUT = define.path("input", None, "A folder of images, one image, an .npz or .npy file, or tfds:name@split.")
OUTPUT = define.path("output", None, "Folder to write.")
DRAWS = sampling_flags.define_draws()
SHARD_SIZE = flags.DEFINE_integer("shard_size", 1024, "Images of a shard.", lower_bound=1)
flags.mark_flags_as_required(["workdir", "do", "input", "output"])


def main() -> None:
    model = load(WORKDIR.value)
    do, strength = do_flags.do(), do_flags.strength()
    source = open_source(INPUT.value, model.framing)
    options = {"strength": strength, "draws": DRAWS.value} | sampling_flags.options()
    shards = generate(model, source, do, OUTPUT.value, shard_size=SHARD_SIZE.value, **options)
    if far := far_note(shards, model):
        print(f"note: {far}")
    print(f"{len(source)} counterfactuals in {len(shards)} shards: {OUTPUT.value}")
