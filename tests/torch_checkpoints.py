"""Checkpoints in PyTorch's format, written opcode by opcode."""

import pickle
import zipfile

import numpy as np

from cdae_jax.evaluation.torch_files import DTYPES

STORAGES = {np.dtype(kind): name for name, kind in DTYPES.items()}


def plain(value):
    """The opcodes that put a plain value on the stack."""
    return pickle.dumps(value, 2)[2:-1]


def named(module, name):
    return f"c{module}\n{name}\n".encode()


def tupled(*parts):
    return b"(" + b"".join(parts) + b"t"


def storage(key, array, num=None):
    kind = named("torch", STORAGES[array.dtype])
    return tupled(plain("storage"), kind, plain(key), plain("cpu"), plain(array.size if num is None else num)) + b"Q"


def tensor(stored, size, stride, offset=0):
    hooks = named("collections", "OrderedDict") + b")R"
    given = tupled(stored, plain(offset), plain(size), plain(stride), plain(False), hooks)
    return named("torch._utils", "_rebuild_tensor_v2") + given + b"R"


def contiguous(key, array):
    steps = tuple(stride // array.itemsize for stride in array.strides)
    return tensor(storage(key, array), array.shape, steps)


def mapping(items, new=b"}"):
    return new + b"(" + b"".join(plain(name) + value for name, value in items.items()) + b"u"


def write(path, content, storages, order="little"):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + content + b".")
        archive.writestr("archive/byteorder", order)
        for key, array in storages.items():
            ordered = array.astype(array.dtype.newbyteorder("<>"[order == "big"]))
            archive.writestr(f"archive/data/{key}", ordered.tobytes())
    return path


def write_checkpoint(path, arrays, order="little"):
    """As Lightning's: a state among other things."""
    state = {name: contiguous(str(i), array) for i, (name, array) in enumerate(arrays.items())}
    state = mapping(state, named("collections", "OrderedDict") + b")R")
    content = mapping({"epoch": plain(3), "state_dict": state, "callbacks": plain({"best": [1.0, None]})})
    return write(path, content, {str(i): array for i, array in enumerate(arrays.values())}, order)
