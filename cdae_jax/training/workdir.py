"""The files of a workdir besides checkpoints and logs."""

import dataclasses
import io
import json
import os
import pathlib
import zipfile
from collections.abc import Mapping

import numpy as np
import safetensors
from safetensors import numpy as arrays

from cdae_jax.counterfactual.readout import Readout
from cdae_jax.counterfactual.sampling import Sampling, sampling_of
from cdae_jax.counterfactual.uncertainty import Uncertainty
from cdae_jax.data.dataset import Dataset
from cdae_jax.data.labels import LabelStats
from cdae_jax.errors import InputError
from cdae_jax.paths import PART, write_whole
from cdae_jax.settings.run import Settings
from cdae_jax.training import fingerprint
from cdae_jax.training.origin import Origin
from cdae_jax.training.segments import Segment, extended, first_segment, read_segments, write_segments

ORIGIN = "init_from.json"
UNCERTAINTY = "uncertainty.safetensors"
GIVEN = "given"  # folder of what was given in memory, as `cdae_jax.fit` stores it before training


def _differences(old, new, where: str = "config"):
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _differences(old.get(name), new.get(name), f"{where}.{name}")
    elif old != new:
        yield f"{where} {old!r} (now {new!r})"


def check_is_free(directory: pathlib.Path) -> None:
    """Raises InputError if a folder cannot be written to, or holds other files than those of a run."""
    nearest = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    if nearest.is_dir() and not os.access(nearest, os.W_OK):
        raise InputError(f"the workdir {directory} cannot be written to: choose another --workdir")
    if (directory / "config.json").is_file():
        return
    ours = {GIVEN, ORIGIN, "segments.json"}  # which are there before the settings are
    there = {path.name for path in directory.iterdir() if path.suffix != PART} if directory.is_dir() else set()
    if directory.is_file() or there - ours:
        raise InputError(f"{directory} is a file or a folder with other files: choose an empty --workdir")


def check_workdir(directory: pathlib.Path, settings: Settings, init_from: str | None = None) -> tuple[Segment, ...]:
    """The segments of the run that the settings ask for, whose last may be new; writes nothing.

    More steps than before extend a run, and the settings that a segment has of its own may then differ; those of
    config.sample always may. Raises InputError if the workdir belongs to other settings, was asked for more steps, has
    another origin, holds other files or cannot be written to.
    """
    check_is_free(directory)
    path = directory / "config.json"
    if not path.is_file():
        return (first_segment(settings.train),)
    started = Settings.from_stored(_read(path))  # gives settings that are newer than the run their defaults
    segments, steps = read_segments(directory, started.train), settings.train.steps
    given = settings.with_mechanisms(chosen_mechanisms(directory) or {})
    if steps != started.train.steps:
        given = first_segment(started.train).settings(given)
    learned = ({**which.to_dict(), "sample": None} for which in (started, given))  # decoding changes no training
    differences = list(_differences(*learned))
    origin = read_origin(directory)
    if init_from is not None and init_from != origin:
        differences.insert(0, f"--init_from {origin or 'left out'} (now {init_from})")
    if differences:
        raise InputError(
            f"the workdir {directory} was started with {'; '.join(differences[:3])}:"
            " choose another --workdir or the same settings"
        )
    if steps < segments[-1].stop:
        raise InputError(
            f"the run in {directory} is one of {segments[-1].stop} steps, and config.train.steps is {steps}: ask for as"
            " many or more, or choose another --workdir"
        )
    return extended(segments, settings.train)


def chosen_mechanisms(directory: pathlib.Path) -> dict[str, str] | None:
    """Variable -> the mechanism that was chosen for it when the run of a workdir was started; None before."""
    path = directory / "config.json"
    if not path.is_file():
        return None
    graph = _read(path)["graph"]
    return {spec.get("name", name): spec["mechanism"] for name, spec in graph.items() if spec.get("mechanism")}


def claim(
    directory: pathlib.Path, settings: Settings, segments: tuple[Segment, ...], origin: Mapping | None = None
) -> None:
    """Makes the workdir and stores settings, segments and origin in it. Raises InputError if it cannot be made."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if origin is not None:
            write_whole(directory / ORIGIN, json.dumps(origin) + "\n")
        write_segments(directory, segments)
        write_whole(directory / "config.json", json.dumps(settings.to_dict(), indent=2) + "\n")
    except OSError as err:
        raise InputError(f"the workdir {directory} cannot be made ({err}): choose another --workdir") from err


def needs_weights(directory: pathlib.Path, init_from: Origin | None) -> bool:
    """Whether a run starts from other weights and has no checkpoint of its own yet. Raises InputError if it does and
    nothing says where to read them."""
    origin = read_origin(directory)
    if (origin is None and init_from is None) or has_checkpoint(directory):
        return False
    if init_from is None:
        raise InputError(
            f"the run in {directory} starts from {origin} and has no checkpoint yet: give --init_from={origin} again"
        )
    return True


def has_checkpoint(directory: pathlib.Path) -> bool:
    """Whether training has saved something in a workdir."""
    return any(path.name.isdigit() for path in (directory / "checkpoints").glob("*"))


def read_origin(directory: pathlib.Path) -> str | None:
    """What the run of a workdir took its first weights from; None if from nothing."""
    path = directory / ORIGIN
    return _read(path).get("source") if path.is_file() else None


def reopen(directory: pathlib.Path) -> None:
    """Deletes what is written after training, before the run goes on: it belongs to the weights so far."""
    for name in ("train.json", "readout.npz", UNCERTAINTY):
        (directory / name).unlink(missing_ok=True)


def write_model(directory: pathlib.Path, dataset: Dataset, stats: LabelStats) -> None:
    """Stores what inference needs besides settings and parameters, and the data's fingerprint."""
    stored = {
        "dataset": dataset.name,
        "image_shape": dataset.train.images.shape[1:],
        "num_classes": dataset.num_classes,
        "labels": stats.to_dict(),
        "fingerprint": fingerprint.fingerprint(dataset),
    }
    write_whole(directory / "model.json", json.dumps(stored) + "\n")


def write_readout(directory: pathlib.Path, readout: Readout) -> None:
    """Stores a readout; `read_readout` reads it back."""
    content = io.BytesIO()
    np.savez(content, **readout._asdict())
    write_whole(directory / "readout.npz", content.getvalue())


def read_readout(directory: pathlib.Path) -> Readout:
    """The stored readout. Raises InputError if there is none or it cannot be read."""
    path = directory / "readout.npz"
    try:
        with np.load(path) as stored:
            return Readout(**{name: stored[name] for name in Readout._fields})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as err:
        raise InputError(f"{path} cannot be read ({err}): run the training again, which ends by writing it") from err


def write_uncertainty(directory: pathlib.Path, uncertainty: Uncertainty) -> None:
    """Stores what `calibrate` found; `read_uncertainty` reads it back."""
    write_whole(directory / UNCERTAINTY, arrays.save(uncertainty.to_arrays()))  # `save_file` hides it from all others


def read_uncertainty(directory: pathlib.Path) -> Uncertainty | None:
    """The stored uncertainty; None if the model is not calibrated. Raises InputError if the file is damaged."""
    path = directory / UNCERTAINTY
    if not path.is_file():
        return None
    try:
        return Uncertainty.from_arrays(arrays.load_file(path))
    except (OSError, KeyError, TypeError, safetensors.SafetensorError) as err:
        raise InputError(f"{path} is damaged ({err!r}): delete it, or run cdae calibrate again") from err


def write_defaults(directory: pathlib.Path, options: Sampling, chosen: str) -> None:
    """Stores how a model decodes unless told otherwise; `chosen` says in a sentence how that was found."""
    stored = {"options": dataclasses.asdict(options), "chosen": chosen}
    write_whole(directory / "defaults.json", json.dumps(stored, indent=2) + "\n")


def drop_defaults(directory: pathlib.Path) -> None:
    """Forgets the stored options, so that the config's hold."""
    (directory / "defaults.json").unlink(missing_ok=True)


def read_defaults(directory: pathlib.Path) -> Sampling | None:
    """The stored options; None if there are none. Raises InputError if the file is damaged."""
    path = directory / "defaults.json"
    if not path.is_file():
        return None
    try:
        return sampling_of(json.loads(path.read_text())["options"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise InputError(f"{path} is damaged ({err!r}): delete it, or run cdae frontier again") from err


def dataset_of(directory: pathlib.Path) -> str:
    """Name of the dataset that a workdir's model was trained on."""
    return _read(directory / "model.json")["dataset"]


def check_dataset(directory: pathlib.Path, dataset: Dataset) -> None:
    """Raises InputError if the workdir's model was trained on a dataset of another name, or on other images or labels.

    Where an older version stored no fingerprint, the training labels that it did store have to be there still.
    """
    path = directory / "model.json"
    if not path.is_file():
        return
    stored = _read(path)
    if stored.get("dataset") != dataset.name:
        raise InputError(
            f"the model in {directory} was trained on {stored.get('dataset')}, but its config now gives {dataset.name}:"
            " make the data that it was trained on available again"
        )
    now, before = fingerprint.fingerprint(dataset), stored.get("fingerprint")
    changed = fingerprint.changes(before, now) if before and now else []
    if now and not before and "labels" in stored:
        names = Settings.from_stored(_read(directory / "config.json")).graph.names
        lost = fingerprint.lacks_rows(dataset, names, np.array(stored["labels"]["rows"]))
        changed = ["labels of the training split"] if lost else []
    if changed:
        raise InputError(
            f"the data of {directory} has changed since its training began ({', '.join(changed)}): bring the old data"
            f" back, or train on the new in a new --workdir, with --init_from={directory} to start from its weights"
        )


def _read(path: pathlib.Path) -> dict:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as err:
        raise InputError(f"{path} cannot be read ({err}): train again into a new workdir") from err


def read(directory: pathlib.Path) -> tuple[Settings, tuple[int, int, int], int, LabelStats]:
    """Settings, image shape, number of context classes and label statistics of a trained workdir. Raises InputError if
    it is none, or damaged."""
    for name in ("config.json", "model.json"):
        if not (directory / name).is_file():
            raise InputError(f"{directory} is no workdir of a trained model ({name} is missing): train one first")
    settings = Settings.from_stored(_read(directory / "config.json"))
    stored = _read(directory / "model.json")
    try:
        stats = LabelStats.from_dict(stored["labels"])
        return settings, tuple(stored["image_shape"]), stored["num_classes"], stats
    except (KeyError, TypeError, ValueError) as err:
        raise InputError(f"{directory / 'model.json'} is damaged ({err!r}): train again into a new workdir") from err
