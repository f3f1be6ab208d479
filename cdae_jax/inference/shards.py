"""Counterfactuals of many images: read, decoded and written shard by shard, so that a stopped run can be continued.

Every shard is an .npz file with
    index    [S] rows of the input
    image    [S, H, W, C] uint8, the counterfactual
    do       [S, n] what was set, physical, NaN elsewhere
    believed [S, n] labels under do that the model holds true, physical; of classes the nearest
    read     [S, n] labels that the encoder reads from the counterfactual image, physical; of classes the nearest
    support  [S] how far believed lies from the training labels, a percentile; 100 is farther than any
    u, z_do  [S, n, k] abducted noise, and latents under do
With draws also, over them:
    sd, low, high  [S, n] standard deviation and 5..95 % interval of labels under do, physical; NaN of classes
    sure     [S, n] share of draws that have the class that is believed; NaN of numbers
    image_sd [S, H, W, C] float32, standard deviation of the counterfactual in grey levels
Columns are in the order of "variables" in request.json, which also says what was asked of which model. If the input is
a set of files, files.csv gives the file and the shard of every index.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.data.framing import Framing
from cdae_jax.data.image_arrays import load_context
from cdae_jax.data.image_files import ImageFiles
from cdae_jax.data.images import collect, load
from cdae_jax.distributed import claims
from cdae_jax.distributed.memory import peak_mib
from cdae_jax.errors import InputError
from cdae_jax.inference.checks import check_context, is_outside
from cdae_jax.inference.provenance import parameters_digest
from cdae_jax.inference.support import warning
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.paths import expanded
from cdae_jax.progress import tqdm
from cdae_jax.training.fingerprint import digest_of_images


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


def _agree(folder: pathlib.Path, request: dict) -> None:
    """Writes what is asked for, or raises InputError if the folder holds the answer to something else."""
    path = folder / "request.json"
    if claims.is_foreign(path):
        raise InputError(f"{folder} is a file or a folder with other files: choose an empty --output")
    folder.mkdir(parents=True, exist_ok=True)
    stored = json.loads(claims.write_once(path, json.dumps(request, indent=2, default=lambda x: x.item()) + "\n"))
    for name, value in request.items():
        if name == "images" and stored.get(name, value) != value:
            raise InputError(f"{folder} holds counterfactuals of other images: choose another --output")
        if stored.get(name) != value:
            raise InputError(
                f"{folder} holds counterfactuals whose {name} is {stored.get(name)!r} (now {value!r}):"
                " choose another --output"
            )


def _name_rows(path: pathlib.Path, names: list[str], shard_size: int) -> None:
    """Writes which file every row is."""
    table = pd.DataFrame({"index": range(len(names)), "file": names})
    table["shard"] = [f"shard-{i // shard_size:05d}.npz" for i in table["index"]]
    claims.write_once(path, table.to_csv(index=False))


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

    Existing shards are kept. Processes that make the same call share the work (`claims`): each takes shards that
    nobody makes, or that a lost process was making, and returns when all are there. Noise is seeded by the first row of
    the shard, so that the result does not depend on the number of processes. do, strength, draws and options are
    as for `TrainedModel.counterfactual`, whose errors come before the first shard; an output of another request is an
    InputError too.
    """
    folder = expanded(output)
    if shard_size < 1:
        raise InputError(f"the shard size is {shard_size}: expected at least 1")
    sampling = model.options(**options)
    for name, value in do.items() if isinstance(do, Mapping) else ():
        if np.ndim(value):
            raise InputError(f"do({name}) is {value!r}: expected one value for all images")
    first = source.images[np.arange(min(1, len(source)))]  # mistakes come before anything is written
    model.counterfactual(first, do, strength=strength, draws=draws, options=sampling)
    if source.context is not None:
        check_context(source.context, len(source), model.model.num_classes)
    request = {
        "input": source.name,
        "images": digest_of_images(source.images),
        "num": len(source),
        "do": {name: value if isinstance(value, str) else float(value) for name, value in do.items()},
        "strength": {name: float(w) for name, w in strength.items()}
        if isinstance(strength, Mapping)
        else float(strength),
        "draws": draws,
        "variables": list(model.graph.names),
        "model": parameters_digest(model.params),
        "calibration": None if draws is None else parameters_digest(model.uncertainty.to_arrays()),
        "shard_size": shard_size,
        **dataclasses.asdict(sampling),
    }
    _agree(folder, request)
    if source.names is not None:
        _name_rows(folder / "files.csv", source.names, shard_size)
    shards = [folder / f"shard-{i:05d}.npz" for i in range(-(-len(source) // shard_size))]
    rows = {path: np.arange(i * shard_size, min((i + 1) * shard_size, len(source))) for i, path in enumerate(shards)}
    there = sum(len(rows[path]) for path in shards if path.is_file())
    with tqdm(total=len(source), initial=there, unit="image", desc="counterfactuals") as bar:

        def make(path: pathlib.Path, part: pathlib.Path) -> None:
            _write(part, rows[path], model, source, do, strength, draws, sampling)
            bar.set_postfix_str(f"at most {peak_mib():,.0f} MiB", refresh=False)
            bar.update(len(rows[path]))

        def waiting(left: list[pathlib.Path]) -> None:
            bar.set_postfix_str(f"{len(left)} shards are being made by other processes")

        claims.share(shards, make, waiting)
        bar.update(bar.total - bar.n)  # what others made
    return shards


def far_note(shards: list[pathlib.Path], model: TrainedModel) -> str | None:
    """`support.warning` of the shards that are there, unless values outside the range were warned about already."""
    supports = []
    for shard in shards:
        if shard.is_file():
            with np.load(shard) as held:
                if is_outside(held["do"], model.stats.low, model.stats.high):
                    return None
                supports += [held["support"]] if "support" in held else []  # earlier versions wrote none
    return warning(np.concatenate(supports)) if supports else None


def _write(
    path: pathlib.Path, rows: np.ndarray, model: TrainedModel, source: Source, do, strength, draws, options: Sampling
) -> None:
    images, fit_steps = np.asarray(source.images[rows]), options.fit_steps
    context = None if source.context is None else source.context[rows]
    values = model.set_values(images, do, context=context, fit_steps=fit_steps)
    given = {"context": context, "strength": strength, "options": options}
    changes = values if draws is None else do  # draws move what a shift or a scale starts from
    found = model.counterfactual(images, changes, **given, draws=draws, seed=int(rows[0]))
    made, believed = found
    drawn = {} if draws is None else found.spread._asdict() | {"image_sd": found.image_sd}
    asked = np.full(believed.shape, np.nan)
    for name, value in values.items():
        i = model.graph.index(name)
        asked[:, i] = model.graph.variables[i].codes(value)
    read = model.encode(made, context=context, fit_steps=fit_steps)
    with path.open("wb") as file:
        arrays = {"image": made, "do": asked, "believed": believed, "read": read, "support": found.support}
        np.savez(file, index=rows, **arrays, u=found.u, z_do=found.z, **drawn)
