"""Arrays of PyTorch's checkpoints, read without PyTorch and without running what a file asks for.

Such a file is a zip archive: `data.pkl`, a pickle that rebuilds tensors, and for each storage `data/<key>`, its raw
bytes. A pickle can name any function of any module to be called: here it may name a few, which are replaced by
functions of this module, and what names another is refused.
"""

import collections
import math
import pathlib
import pickle
import zipfile
from collections.abc import Mapping

import numpy as np

from cdae_jax.errors import InputError

DTYPES = {
    "HalfStorage": "f2",
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "BoolStorage": "?",
    "ByteStorage": "u1",
    "CharStorage": "i1",
    "ShortStorage": "i2",
    "IntStorage": "i4",
    "LongStorage": "i8",
}


def _tensor(storage: np.ndarray, offset: int, size: tuple, stride: tuple, *_) -> np.ndarray:
    """A copy of a tensor: its size, and its strides and offset in items. Raises ValueError outside the storage."""
    whole = type(offset) is int and all(type(n) is int and n >= 0 for n in (offset, *size, *stride))
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if whole else -1
    if not whole or math.prod(size) > len(storage) or (0 not in size and last >= len(storage)):
        raise ValueError(f"a tensor of size {size} lies outside its storage of {len(storage)} items")
    strides = tuple(step * storage.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(storage[offset:], size, strides).copy()


ALLOWED = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
    **{("torch", name): kind for name, kind in DTYPES.items()},
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, folder: str):
        super().__init__(archive.open(f"{folder}data.pkl"))
        self._archive, self._folder = archive, folder
        order = f"{folder}byteorder"
        big = order in archive.namelist() and archive.read(order).strip() == b"big"
        self._order = ">" if big else "<"

    def find_class(self, module: str, name: str):
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no file of weights needs")
        return ALLOWED[module, name]

    def persistent_load(self, pid) -> np.ndarray:
        kind, dtype, key, _, num = pid
        if kind != "storage" or dtype not in DTYPES.values():
            raise pickle.UnpicklingError(f"it holds a {kind!r} of {dtype!r} where a storage was expected")
        content = self._archive.read(f"{self._folder}data/{key}")
        return np.frombuffer(content, self._order + dtype, num).astype(dtype)


def read_state(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Name -> array of a model's state: the file's "state_dict", as Lightning stores it, or the file itself.

    Raises InputError for a file that is no such archive, is damaged, holds no state, or names what is not allowed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            (inside,) = (name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl")
            found = _Unpickler(archive, inside.removesuffix("data.pkl")).load()
    except Exception as err:  # a damaged pickle raises all kinds
        says = " ".join(f"{err}".split()) or type(err).__name__
        raise InputError(f"{path} cannot be read ({says[:200]}): expected a checkpoint by torch.save") from err
    state = found.get("state_dict", found) if isinstance(found, Mapping) else {}
    if not state or not all(isinstance(array, np.ndarray) for array in state.values()):
        raise InputError(f"{path} holds no state of a model: expected names of arrays")
    return dict(state)
