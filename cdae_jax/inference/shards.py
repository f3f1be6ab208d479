"""Counterfactuals of many images: read, decoded and written shard by shard, and gone on with where a run was stopped.

Every shard is an .npz file with
    index    [S] rows of the input
    image    [S, H, W, C] uint8, the counterfactual
    do       [S, n] what was set, physical, NaN elsewhere
    believed [S, n] labels under do that the model holds true, physical; of classes the nearest
    read     [S, n] labels that the encoder reads from the counterfactual image, physical; of classes the nearest
    u, z_do  [S, n, k] abducted noise, and latents under do
With draws also, over them:
    sd, low, high  [S, n] standard deviation and 5..95 % interval of labels under do, physical; NaN of classes
    sure     [S, n] share of draws that have the class that is believed; NaN of numbers
    image_sd [S, H, W, C] float32, standard deviation of the counterfactual in grey levels
Columns are in the order of "variables" in request.json, which also says what was asked of which model. Where the input
are files, files.csv says which of them every index is, and in which shard.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping

import jax
import numpy as np
import pandas as pd

from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.data.framing import Framing
from cdae_jax.data.image_arrays import load_context
from cdae_jax.data.image_files import ImageFiles
from cdae_jax.data.images import collect, load
from cdae_jax.distributed.memory import peak_mib
from cdae_jax.errors import InputError
from cdae_jax.inference.provenance import parameters_digest
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.paths import expanded
from cdae_jax.progress import tqdm


@dataclasses.dataclass(frozen=True)
class Source:
    """What is asked about: images [N, H, W, C] uint8, in memory or decoded as they are read; context [N] or None; where
    they are from; and of files their names [N], below the folder."""

    images: np.ndarray | ImageFiles
    context: np.ndarray | None
    name: str
    names: list[str] | None = None

    def __len__(self) -> int:
        return len(self.images)


def open_source(where: str, framing: Framing) -> Source:
    """The images at a path (or tfds:name@split) as `data.images.collect` takes it, treated as framing says; of an .npz
    file perhaps with an array "context". Raises InputError as `collect` does, and for a context of another length.
    """
    found, path = collect(where), expanded(where)
    context = load_context(path) if path.is_file() else None
    if context is not None and context.shape != (len(found.images),):
        raise InputError(f"the context of {where} has the shape {context.shape}: expected ({len(found.images)},)")
    images = load(found, framing, max_memory_gib=0)
    return Source(images, context, where, found.names if isinstance(images, ImageFiles) else None)


def _claim(folder: pathlib.Path, request: dict) -> None:
    """Writes what is asked for, or raises InputError if the folder holds the answer to something else."""
    path = folder / "request.json"
    if path.is_file():
        stored = json.loads(path.read_text())
        for name, value in request.items():
            if stored.get(name) != value:
                raise InputError(
                    f"{folder} holds counterfactuals whose {name} is {stored.get(name)!r} (now {value!r}):"
                    " choose another --output"
                )
        return
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise InputError(f"{folder} is a file or a folder with other files: choose an empty --output")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(request, indent=2) + "\n")


def _name_rows(path: pathlib.Path, names: list[str], shard_size: int) -> None:
    """Writes which file every row is, or raises InputError if the rows that are there already were of others."""
    table = pd.DataFrame({"index": range(len(names)), "file": names})
    table["shard"] = [f"shard-{i // shard_size:05d}.npz" for i in table["index"]]
    if path.is_file():
        stored = pd.read_csv(path, keep_default_na=False, dtype={"file": str})
        if stored["file"].tolist() != names:
            raise InputError(f"{path.parent} holds counterfactuals of other files (files.csv): choose another --output")
    elif jax.process_index() == 0:
        table.to_csv(path, index=False)


def generate(
    model: TrainedModel,
    source: Source,
    do: Mapping[str, float | str],
    output: str | pathlib.Path,
    *,
    shard_size: int = 1024,
    strength: float | Mapping[str, float] = 1.0,
    draws: int | None = None,
    **options,
) -> list[pathlib.Path]:
    """Writes the counterfactuals of every image of a source under one do, and returns the shards.

    Shards that are there already are left alone. Of several processes each makes its own shards on its own devices.
    do, strength, draws and options are as for `TrainedModel.counterfactual`, whose errors come before the first shard;
    an output of another request is an InputError too.
    """
    folder = expanded(output)
    if shard_size < 1:
        raise InputError(f"the shard size is {shard_size}: expected at least 1")
    sampling = model.options(**options)
    first = source.images[np.arange(min(1, len(source)))]
    model.counterfactual(
        first, do, strength=strength, draws=draws, options=sampling
    )  # mistakes come before anything is written
    request = {
        "input": source.name,
        "num": len(source),
        "do": {name: value if isinstance(value, str) else float(value) for name, value in do.items()},
        "strength": dict(strength) if isinstance(strength, Mapping) else strength,
        "draws": draws,
        "variables": list(model.graph.names),
        "model": parameters_digest(model.params),
        "shard_size": shard_size,
        **dataclasses.asdict(sampling),
    }
    _claim(folder, request)
    if source.names is not None:
        _name_rows(folder / "files.csv", source.names, shard_size)
    rows = [np.arange(start, min(start + shard_size, len(source))) for start in range(0, len(source), shard_size)]
    shards = [folder / f"shard-{i:05d}.npz" for i in range(len(rows))]
    mine = range(jax.process_index(), len(shards), jax.process_count())
    missing = [i for i in mine if not shards[i].is_file()]
    total, left = (sum(len(rows[i]) for i in those) for those in (mine, missing))
    with tqdm(total=total, initial=total - left, unit="image", desc="counterfactuals") as bar:
        for i in missing:
            _write(shards[i], rows[i], model, source, do, strength, draws, sampling)
            bar.set_postfix_str(f"at most {peak_mib():,.0f} MiB", refresh=False)
            bar.update(len(rows[i]))
    return shards


def _write(
    path: pathlib.Path, rows: np.ndarray, model: TrainedModel, source: Source, do, strength, draws, options: Sampling
) -> None:
    images, fit_steps = np.asarray(source.images[rows]), options.fit_steps
    context = None if source.context is None else source.context[rows]
    values = model.set_values(images, do, fit_steps=fit_steps)
    asked_of = {"context": context, "strength": strength, "options": options}
    if draws is None:
        (made, believed), drawn = model.counterfactual(images, values, **asked_of), {}
    else:
        made, believed, spread, image_sd = model.counterfactual(images, do, draws=draws, **asked_of)
        drawn = {**spread._asdict(), "image_sd": image_sd}
    u, _, z_do = model.latents_under(images, values, context=context, fit_steps=fit_steps)
    asked = np.full(believed.shape, np.nan)
    for name, value in values.items():
        i = model.graph.index(name)
        asked[:, i] = model.graph.variables[i].codes(value)
    read = model.encode(made, fit_steps=fit_steps)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, index=rows, image=made, do=asked, believed=believed, read=read, u=u, z_do=z_do, **drawn)
    part.replace(path)
