"""A trained model as one file, or as a folder as hubs have it: safetensors, JSON and Markdown, checked on reading and
never unpickled. The file is a zip of the folder.

model.safetensors     averaged parameters, "params/encoder/Conv_0/kernel", ...; a readout's arrays as "readout/..."
config.json           the settings, with the graph
model.json            dataset, image shape, context classes, label statistics, training step
defaults.json         options of `TrainedModel.counterfactual`
uncertainty.safetensors   what `draws` draw from, if the model was calibrated
metrics.json          the evaluation, if there is one
README.md             for people: the model card
stablehlo/*.bin       programs that run with jax alone, if asked for (see `cdae_jax.inference.stablehlo`)
manifest.json         format version and the SHA-256 of every other file
"""

import dataclasses
import hashlib
import json
import pathlib
import shutil
import zipfile

import flax
import jax
import jax.numpy as jnp
import numpy as np
import safetensors
from safetensors import numpy as arrays

from cdae_jax.counterfactual.readout import Readout
from cdae_jax.counterfactual.sampling import sampling_of
from cdae_jax.counterfactual.uncertainty import Uncertainty
from cdae_jax.data.labels import LabelStats
from cdae_jax.errors import InputError
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.model.causal_diffae import params_shapes
from cdae_jax.settings.run import Settings
from cdae_jax.training.workdir import UNCERTAINTY

FORMAT = 2  # raise it when older code would misread a file
MANIFEST = "manifest.json"
WEIGHTS = {1: "weights.safetensors", FORMAT: "model.safetensors"}  # by format
SUFFIX = ".cdae"
SHIPPED = pathlib.Path(__file__).parents[1] / "models"  # archives that are installed with the package
PRECISIONS = ("float32", "float16")
MAX_BYTES = 8 * 2**30  # unpacked; more is taken for a mistake


def write(
    path: pathlib.Path, model: TrainedModel, dataset: str, files: dict[str, bytes], precision: str = "float32"
) -> None:
    """Writes a model, the name of its dataset and files that come with it: metrics, card, programs. A path *.cdae
    becomes a file, any other one a folder, which must be new or empty. The weights are stored in one of
    PRECISIONS, and float32 again when loaded. Raises InputError if it cannot be written, or for another precision."""
    if precision not in PRECISIONS:
        raise InputError(f"the precision is {precision!r}: expected one of {', '.join(PRECISIONS)}")
    weights = flax.traverse_util.flatten_dict(jax.device_get(model.params), sep="/")
    if model.readout is not None:
        weights |= {f"readout/{name}": array for name, array in model.readout._asdict().items()}
    described = {
        "dataset": dataset,
        "image_shape": model.image_shape,
        "num_classes": model.model.num_classes,
        "labels": model.stats.to_dict(),
        "step": model.step,
    }
    contents = {
        WEIGHTS[FORMAT]: arrays.save({k: np.asarray(v, precision, order="C") for k, v in weights.items()}),
        "config.json": json.dumps(model.settings.to_dict(), indent=2).encode(),
        "model.json": json.dumps(described).encode(),
        "defaults.json": json.dumps(dataclasses.asdict(model.defaults), indent=2).encode(),
        **files,
    }
    if model.uncertainty is not None:
        contents[UNCERTAINTY] = arrays.save(model.uncertainty.to_arrays())
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    manifest = json.dumps({"format": FORMAT, "sha256": sums}, indent=2).encode()
    part = path.with_name(path.name + ".part")
    shutil.rmtree(part, ignore_errors=True)  # of a writing that was killed
    try:
        if path.suffix == SUFFIX:
            with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, data in {MANIFEST: manifest, **contents}.items():
                    archive.writestr(name, data)
        else:
            for name, data in {MANIFEST: manifest, **contents}.items():
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                (part / name).write_bytes(data)
        part.replace(path)
    except OSError as err:
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written ({err}): choose another --output") from err


def is_folder(path: pathlib.Path) -> bool:
    """Whether a folder holds an exported model."""
    return (path / MANIFEST).is_file()


def _files(path: pathlib.Path) -> dict[str, bytes]:
    """Every file of an archive; of a folder those that its manifest names, for a hub adds files of its own."""
    if path.is_dir():
        names = [MANIFEST, *json.loads((path / MANIFEST).read_bytes())["sha256"]]
        if outside := [name for name in names if name.startswith("/") or ".." in name.split("/")]:
            raise ValueError(f"its manifest names {outside[0]!r}, which is not in it")
        return {name: (path / name).read_bytes() for name in names}
    with zipfile.ZipFile(path) as archive:
        if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
            raise ValueError(f"it unpacks to more than {MAX_BYTES >> 30} GiB")
        return {info.filename: archive.read(info) for info in archive.infolist()}


def _contents(path: pathlib.Path) -> dict[str, bytes]:
    """The files of an exported model, checked against the manifest, the weights as "weights"."""
    again = "export the model again, or copy it again"
    try:
        contents = _files(path)
        manifest = json.loads(contents.pop(MANIFEST))
        version, sums = manifest["format"], dict(manifest["sha256"])
    except Exception as err:  # zipfile and zlib raise errors of many kinds
        raise InputError(f"{path} is no exported model, or damaged ({err!r}): {again}") from err
    if version not in WEIGHTS:
        raise InputError(f"{path} is of format {version}, and this version reads format {FORMAT}: update cdae_jax")
    odd = sorted(set(contents) ^ set(sums))
    odd += [name for name, data in contents.items() if hashlib.sha256(data).hexdigest() != sums.get(name)]
    if odd:
        raise InputError(f"{path} is damaged (the checksum of {odd[0]} does not fit): {again}")
    return contents | {"weights": contents.get(WEIGHTS[version], b"")}


def read(path: pathlib.Path) -> TrainedModel:
    """The model of an archive or a folder. Raises InputError if it is none, damaged, or of a newer format."""
    contents = _contents(path)
    try:
        settings = Settings.from_stored(json.loads(contents["config.json"]))
        described = json.loads(contents["model.json"])
        image_shape = tuple(described["image_shape"])
        stats = LabelStats.from_dict(described["labels"])
        model = settings.make_model(described["num_classes"])
        stored = arrays.load(contents["weights"])
        params = flax.traverse_util.unflatten_dict(jax.tree.map(jnp.float32, stored), sep="/")
        readout = Readout(**params.pop("readout")) if "readout" in params else None
        expected = params_shapes(model, image_shape)
        if jax.tree.map(jnp.shape, params) != jax.tree.map(lambda leaf: leaf.shape, expected):
            raise InputError(f"the weights in {path} do not fit its config: export the model again")
        defaults = sampling_of(json.loads(contents["defaults.json"]))
        drawn = Uncertainty.from_arrays(arrays.load(contents[UNCERTAINTY])) if UNCERTAINTY in contents else None
        given = settings, model, params, stats, image_shape, described["step"], readout, defaults
        return TrainedModel(*given, uncertainty=drawn)
    except (KeyError, TypeError, ValueError, safetensors.SafetensorError) as err:
        if isinstance(err, InputError):
            raise
        raise InputError(f"{path} holds what this version cannot read ({err!r}): export the model again") from err


def shipped() -> list[str]:
    """Names of the models that are installed with the package."""
    return sorted(path.stem for path in SHIPPED.glob(f"*{SUFFIX}"))
