"""The files of a workdir besides checkpoints and logs."""

import json
import pathlib

from cdae_jax.errors import InputError
from cdae_jax.labels import LabelStats
from cdae_jax.settings import Settings


def _differences(old, new, where: str = "config"):
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _differences(old.get(name), new.get(name), f"{where}.{name}")
    elif old != new:
        yield f"{where} {old!r} (now {new!r})"


def claim(directory: pathlib.Path, settings: Settings) -> None:
    """Makes the workdir and stores the settings, or checks that it is one of the same settings.

    Raises:
      InputError: it belongs to other settings, holds other files, or cannot be made.
    """
    path = directory / "config.json"
    if path.is_file():
        differences = list(_differences(_read(path), settings.to_dict()))
        if differences:
            raise InputError(
                f"the workdir {directory} was started with {'; '.join(differences[:3])}:"
                " choose another --workdir or the same settings"
            )
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise InputError(f"the folder {directory} holds other files: choose an empty --workdir")
        path.write_text(json.dumps(settings.to_dict(), indent=2) + "\n")
    except OSError as err:
        raise InputError(f"the workdir {directory} cannot be made ({err}): choose another --workdir") from err


def write_model(directory: pathlib.Path, image_shape: tuple[int, int, int], num_classes: int, stats: LabelStats):
    """Stores what inference needs besides settings and parameters."""
    stored = {"image_shape": list(image_shape), "num_classes": num_classes, "labels": stats.to_dict()}
    (directory / "model.json").write_text(json.dumps(stored) + "\n")


def _read(path: pathlib.Path) -> dict:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as err:
        raise InputError(f"{path} cannot be read ({err}): train again into a new workdir") from err


def read(directory: pathlib.Path) -> tuple[Settings, tuple[int, int, int], int, LabelStats]:
    """Settings, image shape, number of context classes and label statistics of a trained workdir.

    Raises:
      InputError: not a workdir, or damaged.
    """
    for name in ("config.json", "model.json"):
        if not (directory / name).is_file():
            raise InputError(f"{directory} is no workdir of a trained model ({name} is missing): train one first")
    settings = Settings.from_dict(_read(directory / "config.json"))
    stored = _read(directory / "model.json")
    try:
        stats = LabelStats.from_dict(stored["labels"])
        return settings, tuple(stored["image_shape"]), stored["num_classes"], stats
    except (KeyError, TypeError, ValueError) as err:
        raise InputError(f"{directory / 'model.json'} is damaged ({err!r}): train again into a new workdir") from err
