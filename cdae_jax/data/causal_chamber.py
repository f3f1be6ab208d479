"""Reads the image datasets of the Causal Chambers' light tunnel (Gamella et al. 2025, arXiv 2404.11341), as the
causalchamber package leaves them on disk: `lt_camera_v1`, `lt_camera_walks_v1`, `lt_camera_test_v1`.

<dataset>/<experiment>/<experiment>.csv has a row for every image: its file in the column "image_file", and the tunnel's
settings, the light's red, green and blue (0..255) and the angles pol_1 and pol_2 of two polarisers in degrees.
images_<size>/ beside it has the images, of 100, 200, 500 or ("full") 2000 pixels. The data is not shipped.

By the package's ground truth all five settings are causes of the image, and nothing in the tunnel causes them. What
ties them to each other is how an experiment draws them. In `scm_4` red -> green -> blue, with the polarisers still; in
`scm_2` red, pol_2 -> green; green, pol_2 -> blue; red -> pol_1. An experiment that ends in a variable's name sets this
variable, independently of its parents and from a shifted distribution. An image shows each colour times about
cos^2(pol_1 - pol_2) (Malus' law): the three colours can be read from it while the polarisers are still; of the angles,
little more than their difference. Other columns, such as the sensors ir_3, vis_3 and current, are effects of the five
settings, which the image shows only through them.
"""

import pathlib
from collections.abc import Sequence

import numpy as np

from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.data.framing import framing_of
from cdae_jax.data.image_files import described, look_at_all, read_all
from cdae_jax.data.kinds import read_labels, resolve
from cdae_jax.data.settings import CausalChamber, SimulatedChamber
from cdae_jax.data.table import read_table, some
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph
from cdae_jax.paths import expanded

KEY = "image_file"  # the column


def of_experiments(
    name: str,
    data: CausalChamber | SimulatedChamber,
    graph: CausalGraph,
    experiments: Sequence[tuple[str, np.ndarray, np.ndarray]],
    **known,
) -> Dataset:
    """The dataset of experiments (target, images [N, H, W, 3] uint8, labels [N, n]), where target is the variable that
    an experiment sets, or "" for the reference, which comes first.

    A share data.test_fraction of each is held out: of the reference as test images, of the others as interventional
    ones. Raises InputError for a share that leaves nothing on one side.
    """
    train, held = [], []
    for i, (target, images, labels) in enumerate(experiments):
        was_set = np.tile([variable == target for variable in graph.names], (len(images), 1))
        split = Split(images, labels, intervened=was_set)
        num = round(data.test_fraction * len(images))
        if not 0 < num < len(images):
            raise InputError(
                f"config.data.test_fraction is {data.test_fraction}: of {len(images)} images it takes {num}; choose a"
                " number between 0 and 1 that leaves some on both sides"
            )
        held_rows, train_rows = np.split(np.random.default_rng([data.seed, 41, i]).permutation(len(images)), [num])
        train.append(split.take(train_rows))
        held.append(split.take(held_rows))
    interventional = _joined(held[1:]) if held[1:] else None
    return Dataset(name, graph, _joined(train), held[0], interventional=interventional, **known)


def _joined(splits: Sequence[Split]) -> Split:
    images, labels, was_set = (
        np.concatenate([getattr(split, field) for split in splits]) for field in ("images", "labels", "intervened")
    )
    return Split(images, labels, intervened=was_set)


def _read(data: CausalChamber, folder: pathlib.Path, graph: CausalGraph) -> tuple[CausalGraph, np.ndarray, np.ndarray]:
    """The graph with its kinds, the images and the labels of one experiment."""
    path, sizes = folder / f"{folder.name}.csv", sorted(found.name for found in folder.glob("images_*"))
    if f"images_{data.size}" not in sizes:
        raise InputError(
            f"config.data.size is {data.size!r}, but {folder} has no images_{data.size}:"
            f" {f'it has {some(sizes)}' if sizes else 'download an image dataset of the light tunnel'}"
        )
    if not path.is_file():
        raise InputError(f"{folder} has no {path.name}: download {data.dataset} again")
    _, table = read_table(path)
    if "file" not in table:
        raise InputError(f"{path} has no column {KEY!r}: its columns are {some(table)}; download {data.dataset} again")
    graph = resolve(path, table, graph)
    labels = read_labels(path, table, graph)
    names = table["file"].tolist()
    images = [folder / f"images_{data.size}" / name for name in names]
    absent = [name for name, image in zip(names, images, strict=True) if not image.is_file()]
    if absent:
        raise InputError(
            f"{images[0].parent} lacks {len(absent)} images of {path.name} ({some(absent)}): download {data.dataset}"
            " again"
        )
    framing = framing_of(data, channels=3)
    for line in described(look_at_all(images, names, str(folder)), framing):
        print(f"{folder.name}: {line}", flush=True)
    return graph, read_all(images, names, str(folder), framing), labels


def make_dataset(data: CausalChamber, graph: CausalGraph) -> Dataset:
    """The reference experiment and those that set one variable of the graph; images [N, resolution, resolution, 3]
    uint8, labels in the units of the table.

    Raises InputError for folders, columns and images that are not there, and for labels that are no numbers.
    """
    if not data.chamber_dir:
        raise InputError(
            "the light tunnel's images are not shipped: set --config.data.chamber_dir to the folder that they were"
            ' downloaded to, as by causalchamber.datasets.Dataset("lt_camera_v1", root=<folder>, download=True)'
        )
    root = expanded(data.chamber_dir) / data.dataset
    if not root.is_dir():
        raise InputError(
            f"config.data.chamber_dir is {data.chamber_dir!r}, which has no folder {data.dataset!r}: expected the"
            " root that the dataset was downloaded to"
        )
    if not (root / data.reference).is_dir():
        there = some(sorted(path.name for path in root.iterdir() if path.is_dir()))
        raise InputError(f"config.data.reference is {data.reference!r}: the experiments of {root} are {there}")
    folders = {"": root / data.reference}
    if data.interventions:
        if "{name}" not in data.interventions:
            raise InputError(f"config.data.interventions is {data.interventions!r}: expected {{name}} in it, or ''")
        named = {name: root / data.interventions.replace("{name}", name) for name in graph.names}
        folders |= {name: folder for name, folder in named.items() if folder.is_dir()}
        if len(folders) == 1:
            raise InputError(
                f"config.data.interventions is {data.interventions!r}, but {root} has no such experiment for any of"
                f" {', '.join(graph.names)}: name another, or '' for none"
            )
    experiments = []
    for target, folder in folders.items():
        graph, images, labels = _read(data, folder, graph)
        experiments.append((target, images, labels))
    return of_experiments("light tunnel", data, graph, experiments)
