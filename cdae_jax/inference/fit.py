"""From images, labels and a graph to a trained model, in one call."""

import io
import json
import math
import os
import pathlib
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from cdae_jax.compiled import keep_compiled_programs
from cdae_jax.data.custom import rows_of_files
from cdae_jax.data.framing import framing_of
from cdae_jax.data.graph_files import read_graph
from cdae_jax.data.images import Collection, collect
from cdae_jax.data.images import load as load_images
from cdae_jax.data.pipeline import make_dataset
from cdae_jax.data.settings import Custom
from cdae_jax.data.table import is_key, key_of, read_table
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph
from cdae_jax.inference.loading import load, origin
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.paths import expanded, write_whole
from cdae_jax.presets.build import plain_settings, with_shares
from cdae_jax.settings.run import Settings
from cdae_jax.training.budget import seconds_per_step, steps_for
from cdae_jax.training.loop import train_model
from cdae_jax.training.workdir import GIVEN, check_is_free


def fit(
    images,
    labels,
    graph,
    *,
    size: str = "cpu",
    method: str = "ours",
    steps: int | None = None,
    minutes: float | None = None,
    workdir: str | pathlib.Path | None = None,
    changes: Mapping[str, object] | None = None,
    init_from: str | pathlib.Path | None = None,
) -> TrainedModel:
    """Trains a model on the user's own images, or goes on where the same call was interrupted.

    Args:
      images: a folder, an .npz or .npy file or "tfds:name@split"; or in memory, an array [N, H, W] or [N, H, W, C] or a
        list of paths, PIL images or arrays of any size (`images.collect`), which are stored in the workdir at the
        model's resolution.
      labels: a table with a column for every variable, in physical units, empty or NaN where unknown: a file, a
        DataFrame or a mapping column -> values [N]. Its column "file" says which image of a folder a row means, its
        column "index" which one of an array; of images in memory the rows may simply be in their order.
      graph: whatever `read_graph` reads: {"effect": ["cause", ...]}, a networkx DiGraph, an adjacency DataFrame, a text
        in DOT or dagitty, a file, or a `CausalGraph`.
      size: "cpu", "smoke" or "paper" (`cdae_jax.presets.sizes`).
      method: "ours", "paper" or a baseline (`cdae_jax.presets.methods`).
      steps: of training; None for the size's.
      minutes: how long training may take, instead of steps; their number follows from the measured time of one.
      workdir: folder of the run; None for a temporary one, which is deleted with the model.
      changes: settings by name, such as {"data.resolution": 64, "train.batch_size": 8}.
      init_from: a workdir, an exported file or a shipped model to start from, see `train_model`.

    Raises InputError for what cannot be trained on, before training starts, and whatever else `train_model` raises.
    """
    keep_compiled_programs()
    if steps is not None and minutes is not None:
        raise InputError(f"steps ({steps}) and minutes ({minutes}) are both given: give one of them")
    if minutes is not None and not 0 < minutes < math.inf:
        raise InputError(f"minutes is {minutes}: expected a number above 0")
    changes = dict(changes or {})
    if "train.steps" in changes and (steps is not None or minutes is not None):
        raise InputError("changes names train.steps, and steps or minutes is given too: give one of them")
    graph, changes = read_graph(graph), changes if steps is None else changes | {"train.steps": steps}
    settings = settings_of(size, method, graph, changes | {"data.images": "-", "data.labels": "-"})
    folder = expanded(workdir) if workdir is not None else pathlib.Path(tempfile.mkdtemp(prefix="cdae_jax_"))
    try:
        check_is_free(folder)
        changes |= _paths_of(images, labels, folder, settings.data)
        settings = settings_of(size, method, graph, changes)
        if minutes is not None:
            settings = settings_of(size, method, graph, changes | {"train.steps": _steps_of(minutes, settings, folder)})
        model = load(train_model(settings, folder, init_from=origin(init_from)))
    except BaseException:
        if workdir is None:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    if workdir is None:
        weakref.finalize(model, shutil.rmtree, folder, ignore_errors=True)
    return model


def settings_of(size: str, method: str, graph: CausalGraph, changes: Mapping[str, object]) -> Settings:
    """The settings of a run on one's own images; what is a share of the steps follows the changed steps.

    Raises InputError for a name that is no setting, and for values that cannot work.
    """
    plain = plain_settings("custom", size, method, graph.to_dict())
    for name, value in changes.items():
        section, _, field = name.partition(".")
        if section not in plain or section == "graph" or not field:
            raise InputError(f"changes names {name!r}: expected a section and a field, such as train.batch_size")
        plain[section][field] = value
    steps = plain["train"]["steps"]
    known = steps if isinstance(steps, int) else 1  # what is no number is refused with its name
    return Settings.from_dict(plain | {"train": with_shares(plain["train"], known)})


def _steps_of(minutes: float, settings: Settings, folder: pathlib.Path) -> int:
    """As many steps as take so many minutes; those that the run has already, if it goes on."""
    stored = folder / "config.json"
    if stored.is_file():
        steps = json.loads(stored.read_text())["train"]["steps"]
        print(f"the run in {folder} keeps its {steps} steps, whatever the minutes: for more, ask for steps", flush=True)
        return steps
    settings = settings.resolved()
    timed = seconds_per_step(settings, make_dataset(settings.data, settings.graph))
    steps = steps_for(minutes, timed)
    print(f"{minutes:g} minutes are {steps} steps of {1000 * timed.seconds:.0f} ms", flush=True)
    return steps


def _paths_of(images, labels, folder: pathlib.Path, data: Custom) -> dict[str, str]:
    """The settings that name images and labels: where they are, or where they are stored if they were given in memory.

    Raises InputError for images and tables that cannot be read, another number of labels than of images, and a run that
    was started with others.
    """
    is_path = isinstance(images, (str, os.PathLike))
    found = None if is_path else collect(images)
    if found is not None or not isinstance(labels, (str, os.PathLike)):
        table = _keyed(labels, found, images)
        labels = _stored(folder, "labels.csv", lambda file: table.to_csv(file, index=False))
    if found is not None:
        pixels = load_images(found, framing_of(data, channels=0), math.inf)
        images = _stored(folder, "images.npy", lambda file: np.save(file, pixels))
    return {"data.images": os.fspath(images), "data.labels": os.fspath(labels)}


def _keyed(labels, found: Collection | None, images) -> pd.DataFrame:
    """The table with a column that says which image a row means: "index" of `found`; of images at a path (None) what
    they are named by."""
    if not isinstance(labels, (str, os.PathLike)):
        labels = _with_key(_frame(labels), found)
    key, table = read_table(labels, by="index" if found is not None else key_of(images))
    if key == "file" and found is not None:
        rows = rows_of_files(table[key].tolist(), _below_their_folder(found))
        table = table.drop(columns=key).assign(index=rows)
    return _as_written(table)


def _as_written(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the words that `read_table` takes for no label, which may be classes of the graph."""
    written = table.copy()
    for name, words in table.attrs.get("spelled", {}).items():
        written.loc[list(words), name] = list(words.values())
    return written


def _frame(labels) -> pd.DataFrame:
    if isinstance(labels, pd.DataFrame):
        return labels
    try:  # a Series counts by its values' order, whatever its index says
        return pd.DataFrame({name: np.asarray(column) for name, column in labels.items()})
    except (AttributeError, ValueError) as err:
        raise InputError(
            f"the labels are a {type(labels).__name__} ({err}): expected a table's path, a DataFrame, or a mapping from"
            " each variable to as many values as there are images"
        ) from err


def _with_key(frame: pd.DataFrame, found: Collection | None) -> pd.DataFrame:
    """The same with the key in a column, or as a named index: the index's own name, file names in it, or the images'
    order."""
    index = frame.index
    if any(map(is_key, frame)) or is_key(index.name):
        return frame
    has_names = index.dtype.kind not in "iuf"
    if has_names and (found is None or all(isinstance(image, pathlib.Path) for image in found.images)):
        return frame.rename_axis("file")
    if found is None:
        return frame
    if len(frame) != len(found.images):
        raise InputError(
            f"there are {len(found.images)} images and {len(frame)} rows of labels: expected one row for each, or a"
            " column 'index' or 'file' that says whose they are"
        )
    if not has_names and not index.is_monotonic_increasing:
        raise InputError(
            "the index of the table of labels is in no order, as after sorting or sampling: call it 'index' if it says"
            " which image a row means, or reset_index(drop=True) if the rows are in the images' order"
        )
    return frame.reset_index(drop=True).rename_axis("index")


def _below_their_folder(found: Collection) -> Collection:
    """A list of paths with names as a table would write them: below the folder that holds them all."""
    if not all(isinstance(image, pathlib.Path) for image in found.images):
        raise InputError("the table names images by a column 'file', but no paths were given: name them by 'index'")
    paths = [image.absolute() for image in found.images]
    folder = os.path.commonpath([path.parent for path in paths])
    return found._replace(names=[path.relative_to(folder).as_posix() for path in paths])


def _stored(folder: pathlib.Path, name: str, write: Callable[[io.BytesIO], None]) -> pathlib.Path:
    """Writes what was given in memory into the workdir. Raises InputError if its run was started with other content."""
    content, path = io.BytesIO(), folder / GIVEN / name
    write(content)
    if path.is_file() and path.read_bytes() == content.getvalue():
        return path
    if (folder / "config.json").is_file():
        raise InputError(f"the run in {folder} was started with other {path.stem}: choose another workdir")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content.getvalue())
    return path
