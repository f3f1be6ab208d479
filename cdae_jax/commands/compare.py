"""Puts evaluated models side by side, in tables and pictures.

Writes <output>.md, <output>.json, <output>.png, and <output>_grid.png with counterfactuals of the same test images. A
folder that evaluate wrote with --output is compared like a workdir. Workdirs of one name are runs of one model with
different seeds, and compared as one: --workdirs=runs/a,runs/a1,runs/b --names=ours,ours,other
--protocol=benchmark compares what evaluate --protocol=benchmark scored: <output>.md, <output>.json.

cdae compare --workdirs=runs/pendulum,runs/diffae --output=comparison
"""

import pathlib

from absl import flags

from cdae_jax.commands import common, define
from cdae_jax.errors import InputError
from cdae_jax.studies.compare import bars, differences, draw_grid, errors_of_images, read_metrics, table
from cdae_jax.studies.compare_benchmark import check_same, comparison_text, read_scores
from cdae_jax.studies.pooling import pool

WORKDIRS = define.paths("workdirs", "Evaluated folders, the first is the reference.")
NAMES = flags.DEFINE_list(
    "names", None, "What to call them; the same for runs of one model. Default: the folders' names."
)
OUTPUT = define.path("output", "comparison", "What the written files start with.")
PROTOCOL = flags.DEFINE_enum(
    "protocol", "own", ["own", "benchmark"], "Whose measures: ours, or the MorphoMNIST benchmark's."
)
NUM = flags.DEFINE_integer("num", 2, "Test images in the grid.", lower_bound=1)
flags.mark_flag_as_required("workdirs")


def main() -> None:
    folders = [pathlib.Path(folder) for folder in WORKDIRS.value]
    names = NAMES.value or [folder.name for folder in folders]
    if len(names) != len(folders):
        raise InputError(f"--names gives {', '.join(names)}: expected {len(folders)} names, one per workdir")
    if not pathlib.Path(OUTPUT.value).absolute().parent.is_dir():
        raise InputError(f"--output is {OUTPUT.value!r}: expected the start of a file name in a folder that exists")
    if PROTOCOL.value == "benchmark":
        return _compare_scores(folders, names)
    read = [read_metrics(folder) for folder in folders]
    for what in ("judge", "num_images", "test_images", "split"):
        if len(found := {metrics["protocol"].get(what) for metrics in read}) > 1:
            told = " and ".join(sorted(map(str, found)))
            raise InputError(
                f"the workdirs were evaluated with other {what} ({told}): evaluate them on the same images"
            )
    for features in ("inception", "lpips"):
        if len({metrics["protocol"][features] for metrics in read if features in metrics["protocol"]}) > 1:
            raise InputError(
                f"the workdirs were evaluated with other weights of {features}: evaluate them with the same"
            )
    found, errors = {}, {}
    for name in dict.fromkeys(names):
        runs = [i for i, other in enumerate(names) if other == name]
        per_image = [errors_of_images(folders[i], read[i]) for i in runs]
        found[name], errors[name] = pool(name, [read[i] for i in runs], per_image)
    for name, difference in differences(found, errors).items():
        found[name]["difference"] = difference
    text, plain = table(found)
    output = OUTPUT.value
    pathlib.Path(f"{output}.md").write_text(text)
    protocol = {name: [run["protocol"] for run in m.get("runs", [m])] for name, m in found.items()}
    common.write_json(f"{output}.json", {"models": plain, "protocol": protocol})
    bars(pathlib.Path(f"{output}.png"), found)
    draw_grid(found, NUM.value, pathlib.Path(f"{output}_grid.png"))
    print(text)
    print(f"wrote {output}.md, {output}.json, {output}.png, {output}_grid.png")


def _compare_scores(folders: list[pathlib.Path], names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise InputError(f"--names gives {', '.join(names)}: expected another name for each with --protocol=benchmark")
    named = {name: read_scores(folder) for name, folder in zip(names, folders, strict=True)}
    check_same(named)
    text, output = comparison_text(named), OUTPUT.value
    pathlib.Path(f"{output}.md").write_text(text)
    common.write_json(f"{output}.json", named)
    print(text)
    print(f"wrote {output}.md, {output}.json")
