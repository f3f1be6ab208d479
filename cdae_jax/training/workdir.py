"""The files of a workdir besides checkpoints and logs."""

import dataclasses
import json
import pathlib
import zipfile

import numpy as np

from cdae_jax.counterfactual.readout import Readout
from cdae_jax.counterfactual.sampling import Sampling, sampling_of
from cdae_jax.data.labels import LabelStats
from cdae_jax.errors import InputError
from cdae_jax.settings.run import Settings


def _differences(old, new, where: str = "config"):
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _differences(old.get(name), new.get(name), f"{where}.{name}")
    elif old != new:
        yield f"{where} {old!r} (now {new!r})"


def check_workdir(directory: pathlib.Path, settings: Settings) -> None:
    """Raises InputError if the workdir belongs to other settings or holds other files; writes nothing."""
    path = directory / "config.json"
    if path.is_file():
        started = Settings.from_dict(_read(path))  # gives settings that are newer than the run their defaults
        differences = list(_differences(started.to_dict(), settings.to_dict()))
        if differences:
            raise InputError(
                f"the workdir {directory} was started with {'; '.join(differences[:3])}:"
                " choose another --workdir or the same settings"
            )
    elif directory.is_file() or (directory.is_dir() and any(directory.iterdir())):
        raise InputError(f"{directory} is a file or a folder with other files: choose an empty --workdir")


def claim(directory: pathlib.Path, settings: Settings) -> None:
    """Makes the workdir and stores the settings in it. Raises InputError if it cannot be made."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "config.json").write_text(json.dumps(settings.to_dict(), indent=2) + "\n")
    except OSError as err:
        raise InputError(f"the workdir {directory} cannot be made ({err}): choose another --workdir") from err


def write_model(
    directory: pathlib.Path, dataset: str, image_shape: tuple[int, int, int], num_classes: int, stats: LabelStats
):
    """Stores what inference needs besides settings and parameters."""
    stored = {"dataset": dataset, "image_shape": image_shape, "num_classes": num_classes, "labels": stats.to_dict()}
    (directory / "model.json").write_text(json.dumps(stored) + "\n")


def write_readout(directory: pathlib.Path, readout: Readout) -> None:
    np.savez(directory / "readout.npz", **readout._asdict())


def read_readout(directory: pathlib.Path) -> Readout:
    """Raises InputError if there is none or it cannot be read."""
    path = directory / "readout.npz"
    try:
        with np.load(path) as stored:
            return Readout(**{name: stored[name] for name in Readout._fields})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as err:
        raise InputError(f"{path} cannot be read ({err}): run the training again, which ends by writing it") from err


def write_defaults(directory: pathlib.Path, options: Sampling, chosen: str) -> None:
    """Stores how a model decodes unless told otherwise; `chosen` says in a sentence how that was found."""
    stored = {"options": dataclasses.asdict(options), "chosen": chosen}
    (directory / "defaults.json").write_text(json.dumps(stored, indent=2) + "\n")


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


def check_dataset(directory: pathlib.Path, dataset: str) -> None:
    """Raises InputError if the workdir's model was trained on a dataset of another name."""
    path = directory / "model.json"
    trained_on = _read(path).get("dataset") if path.is_file() else dataset
    if trained_on != dataset:
        raise InputError(
            f"the model in {directory} was trained on {trained_on}, but its config now gives {dataset}:"
            " make the data that it was trained on available again"
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
    settings = Settings.from_dict(_read(directory / "config.json"), to_train=False)
    stored = _read(directory / "model.json")
    try:
        stats = LabelStats.from_dict(stored["labels"])
        return settings, tuple(stored["image_shape"]), stored["num_classes"], stats
    except (KeyError, TypeError, ValueError) as err:
        raise InputError(f"{directory / 'model.json'} is damaged ({err!r}): train again into a new workdir") from err
