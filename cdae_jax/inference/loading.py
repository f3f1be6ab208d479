"""A trained model from a workdir, an exported file, or by the name of one that is installed with the package."""

import os
import pathlib

import jax

from cdae_jax.compiled import keep_compiled_programs
from cdae_jax.distributed import sharding
from cdae_jax.errors import InputError
from cdae_jax.inference import archive
from cdae_jax.inference.provenance import parameters_digest
from cdae_jax.inference.trained_model import TrainedModel
from cdae_jax.model.causal_diffae import params_shapes
from cdae_jax.paths import expanded
from cdae_jax.precision import in_float32
from cdae_jax.training import workdir
from cdae_jax.training.checkpoint import Checkpoints
from cdae_jax.training.origin import Origin, Weights

HUB = "hf://"


@in_float32
def load(source: str | pathlib.Path) -> TrainedModel:
    """A trained model: of a workdir (the averaged parameters of its newest checkpoint), of an exported .cdae file or
    folder, one that comes with the package, load("pendulum"), or one of the Hugging Face hub, load("hf://user/name"),
    with load("hf://user/name@v1.0") for one revision (needs the extra `hub`; fetched models are found offline). A model
    in the working directory comes before one of the package that has its name.

    What JAX compiles is kept for later processes (`compiled`), unless a cache of its own is configured. Raises
    InputError if nothing is there, or it is no model, has no checkpoint, is damaged or of a newer format.
    """
    keep_compiled_programs()
    if not isinstance(source, (str, os.PathLike)):
        raise InputError(
            f"load was given {source!r}: expected a path, or the name of a model that comes with the package"
        )
    if str(source).startswith(HUB):
        return archive.read(_fetched(str(source)))
    path, is_shipped = expanded(source), str(source) in archive.shipped()
    if path.is_dir() and (archive.is_folder(path) or (path / "config.json").is_file() or not is_shipped):
        return archive.read(path) if archive.is_folder(path) else _of_workdir(path)
    if path.is_file():
        return archive.read(path)
    if is_shipped:
        return archive.read(archive.SHIPPED / f"{source}{archive.SUFFIX}")
    raise InputError(
        f"there is no folder or file {str(source)!r}: give the --workdir of a trained model, an exported"
        f" {archive.SUFFIX} file, or the name of a model that comes with the package"
        f" ({', '.join(archive.shipped()) or 'none here'})"
    )


def _fetched(source: str) -> pathlib.Path:
    """The folder of a model of the hub, fetched unless it was before."""
    repository, _, revision = source.removeprefix(HUB).partition("@")
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise InputError(f"{source!r} names no model of the hub: expected {HUB}user/name or {HUB}user/name@revision")
    try:
        from huggingface_hub import snapshot_download
    except ImportError as err:
        raise InputError(f'{source} takes huggingface_hub: run pip install "cdae_jax[hub]"') from err
    try:
        return pathlib.Path(snapshot_download(repository, revision=revision or None))
    except Exception as err:  # of the network, of the hub and of the disk, of many kinds
        first = (str(err).splitlines() or [""])[0]
        raise InputError(
            f"{source} cannot be fetched ({type(err).__name__}: {first}): check the name and the network, or give a"
            " folder or file of this machine"
        ) from err


def origin(source: str | pathlib.Path | None) -> Origin | None:
    """For `train_model`'s `init_from`: a model that `load` would find, read only if the run needs it. None for None."""

    def read() -> Weights:
        model = load(source)
        digest = parameters_digest(model.params)
        return Weights(model.settings, model.params, model.image_shape, model.model.num_classes, digest)

    return None if source is None else Origin(str(source), read)


def _of_workdir(directory: pathlib.Path) -> TrainedModel:
    settings, image_shape, num_classes, stats = workdir.read(directory)
    model = settings.make_model(num_classes)
    checkpoints = Checkpoints(directory, create=False)
    try:
        shapes = params_shapes(model, image_shape)
        here = sharding.replicated(sharding.make_mesh(devices=jax.local_devices()))
        found = checkpoints.restore_newest(ema=sharding.abstract_like(shapes, here))
        if found is None:
            raise InputError(f"{directory} has no complete checkpoint yet: let training reach its first one")
        step, (params,) = found
    finally:
        checkpoints.close()
    readout = None if settings.is_aligned else workdir.read_readout(directory)
    defaults, uncertainty = workdir.read_defaults(directory), workdir.read_uncertainty(directory)
    return TrainedModel(settings, model, params, stats, image_shape, step, readout, defaults, directory, uncertainty)
