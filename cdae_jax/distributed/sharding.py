"""Where arrays live: a mesh over all devices, with batches split over all of it and large parameters over one axis.

Axis "data" holds copies of the state, axis "fsdp" the parts of one copy (fully sharded data parallelism, arXiv
1910.02054); each device has its own images in either case.
"""

import re
from collections.abc import Sequence

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from cdae_jax.errors import InputError

WHOLE = r"(bias|scale|null_condition|count|step)$"  # leaves whose paths match are on every device, however large


def make_mesh(fsdp: int = 1, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """A mesh with the axes "data" and "fsdp" over some devices; None for all devices of all processes. Raises
    InputError if fsdp does not divide the number of devices."""
    devices = jax.devices() if devices is None else devices
    if fsdp < 1 or len(devices) % fsdp:
        raise InputError(f"config.system.fsdp is {fsdp}, which does not divide the {len(devices)} devices: change it")
    shape = (len(devices) // fsdp, fsdp)
    return jax.make_mesh(shape, ("data", "fsdp"), axis_types=(AxisType.Auto,) * 2, devices=devices)


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """The first axis split over all devices."""
    return NamedSharding(mesh, PartitionSpec(("data", "fsdp")))


def replicated(mesh: Mesh) -> NamedSharding:
    """A whole copy on every device."""
    return NamedSharding(mesh, PartitionSpec())


def state_shardings(abstract, mesh: Mesh, min_mib: float = 1.0):
    """The sharding of every leaf of a state, given as shapes and types (`jax.eval_shape`).

    A leaf is split over "fsdp" along its largest axis that the number of parts divides; it is on every device if there
    is no such axis, its path matches WHOLE, or it has fewer than min_mib MiB. Averages and the optimiser's moments have
    paths that end like those of their parameters, and so the same shardings.
    """
    parts = mesh.shape["fsdp"]

    def of(path, leaf):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        axes = [axis for axis, size in enumerate(leaf.shape) if size % parts == 0]
        is_small = leaf.size * leaf.dtype.itemsize < min_mib * 2**20
        if re.search(WHOLE, name) or is_small or not axes or parts == 1:
            return replicated(mesh)
        largest = max(axes, key=lambda axis: leaf.shape[axis])
        return NamedSharding(mesh, PartitionSpec(*("fsdp" if axis == largest else None for axis in range(leaf.ndim))))

    return jax.tree_util.tree_map_with_path(of, abstract)


def abstract_like(tree, shardings):
    """ShapeDtypeStructs of a tree; shardings is one for all leaves, or a tree of them."""
    shardings = jax.tree.broadcast(shardings, tree)
    return jax.tree.map(lambda x, where: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=where), tree, shardings)


def abstract_rows(mesh: Mesh, num: int, shape: tuple[int, ...], dtype) -> jax.ShapeDtypeStruct:
    """The ShapeDtypeStruct of an array [num, *shape] whose rows are split over all devices."""
    return jax.ShapeDtypeStruct((num, *shape), dtype, sharding=batch_sharding(mesh))


def check_batch_size(batch_size: int, microbatches: int, refine_every: int, mesh: Mesh) -> None:
    """Raises InputError if the devices cannot share a batch, and each of its parts, equally."""
    if batch_size % (mesh.size * microbatches * refine_every):
        parts = f" times {microbatches} microbatches" if microbatches > 1 else ""
        parts += f" times {refine_every} of config.train.refine_every" if refine_every > 1 else ""
        raise InputError(f"the batch size {batch_size} is not a multiple of the {mesh.size} devices{parts}: change it")


def to_devices(batch: dict[str, np.ndarray], mesh: Mesh) -> dict[str, jax.Array]:
    """This process's part of a batch as global arrays, split along the first axis."""
    sharding = batch_sharding(mesh)
    return {name: jax.make_array_from_process_local_data(sharding, value) for name, value in batch.items()}
