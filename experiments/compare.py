"""Puts evaluated models side by side:

python -m experiments.compare --workdirs=runs/pendulum,runs/diffae --output=results/pendulum_baselines

Writes <output>.md, <output>.json and <output>.png, and <output>_grid.png: counterfactuals of the same test images.
A folder that experiments.evaluate wrote with --output is compared like a workdir.
"""

import pathlib

import numpy as np
from absl import flags

from cdae_jax.compare import bars, read_metrics, table
from cdae_jax.data.pipeline import make_dataset
from cdae_jax.errors import InputError
from cdae_jax.inference import OPTIONS
from cdae_jax.loading import load
from cdae_jax.plots import image_table
from experiments import common

WORKDIRS = flags.DEFINE_list("workdirs", None, "Evaluated folders, the first is the reference.")
NAMES = flags.DEFINE_list("names", None, "What to call them; default: the folders' names.")
OUTPUT = flags.DEFINE_string("output", "comparison", "What the written files start with.")
NUM = flags.DEFINE_integer("num", 2, "Test images in the grid.", lower_bound=1)
flags.mark_flag_as_required("workdirs")


def draw_grid(found: dict[str, dict], num: int, output: pathlib.Path) -> None:
    """For each variable and test image one row: factual, each model's counterfactual, and the truth if there is one.

    Args:
      found: name -> metrics.json of what is compared; each model decodes as it did when it was measured.
      num: test images.
      output: PNG file to write.
    """
    models = {name: load(metrics["protocol"]["workdir"]) for name, metrics in found.items()}
    first = next(iter(models.values()))
    dataset = make_dataset(first.settings)
    test = dataset.test.take(np.arange(min(num, len(dataset.test))))
    rows = []
    for column, name in enumerate(dataset.graph.names):
        known = dataset.test.labels[np.isfinite(dataset.test.labels[:, column]), column]
        values = np.resize(np.percentile(known, [15, 85]).astype(np.float32), len(test))
        if dataset.graph.variables[column].classes:
            values = np.rint(values)
        made = {}
        for title, model in models.items():
            protocol = found[title]["protocol"]
            options = {key: protocol[key] for key in OPTIONS}
            made[title] = model.counterfactual(test.images, {name: values}, context=test.context, **options).images
        if dataset.render is not None and dataset.true_counterfactual is not None:
            mask, wanted = np.zeros(test.labels.shape, bool), np.zeros_like(test.labels)
            mask[:, column], wanted[:, column] = True, values
            made["true"] = dataset.render(dataset.true_counterfactual(test.labels, mask, wanted))
        for i in range(len(test)):
            images = np.stack([test.images[i], *(images[i] for images in made.values())])
            rows.append((f"do({name} = {values[i]:.3g})", images, ["factual", *made]))
    image_table(output, rows, f"{dataset.name}: the same test images by every model")


def main() -> None:
    folders = [pathlib.Path(folder) for folder in WORKDIRS.value]
    names = NAMES.value or [folder.name for folder in folders]
    if len(names) != len(folders) or len(set(names)) < len(names):
        raise InputError(f"--names gives {', '.join(names)}: expected {len(folders)} different names, one per workdir")
    if not pathlib.Path(OUTPUT.value).absolute().parent.is_dir():
        raise InputError(f"--output is {OUTPUT.value!r}: expected the start of a file name in a folder that exists")
    found = {name: read_metrics(folder) for name, folder in zip(names, folders, strict=True)}
    datasets = {metrics["protocol"]["judge"] for metrics in found.values()}
    sizes = {metrics["protocol"]["num_images"] for metrics in found.values()}
    if len(datasets) > 1 or len(sizes) > 1:
        raise InputError("the workdirs were evaluated on other data, judges or numbers of images: make them the same")
    text, plain = table(found)
    output = OUTPUT.value
    pathlib.Path(f"{output}.md").write_text(text)
    common.write_json(f"{output}.json", {"models": plain, "protocol": {n: m["protocol"] for n, m in found.items()}})
    bars(pathlib.Path(f"{output}.png"), found)
    draw_grid(found, NUM.value, pathlib.Path(f"{output}_grid.png"))
    print(text)
    print(f"wrote {output}.md, {output}.json, {output}.png, {output}_grid.png")


if __name__ == "__main__":
    common.run(main)
