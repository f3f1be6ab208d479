"""Checkpoints in PyTorch's format, written opcode by opcode: what they hold, and what is not run."""

import os
import pickle
import zipfile

import numpy as np
import pytest
from commands import run_here
from judges import random_weights

from cdae_jax.errors import InputError
from cdae_jax.evaluation.npz_judges import NAMES
from cdae_jax.evaluation.torch_files import DTYPES, read_state

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


@pytest.mark.parametrize("order", ["little", "big"])
def test_arrays_of_every_type_and_shape_are_read(tmp_path, order):
    rng = np.random.default_rng(0)
    arrays = {f"layer.{dtype}": rng.integers(0, 2, (2, 3)).astype(dtype) for dtype in STORAGES}
    arrays |= {"scalar": np.array(7), "kernel": rng.normal(size=(2, 1, 3, 3)).astype(np.float32)}
    found = read_state(write_checkpoint(tmp_path / "a.ckpt", arrays, order))
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype and found[name].shape == array.shape


def test_tensors_may_share_a_storage_and_be_transposed(tmp_path):
    array = np.arange(12, dtype=np.float32)
    state = {"part": tensor(storage("0", array), (2,), (1,), 3), "turned": tensor(storage("0", array), (3, 4), (1, 3))}
    found = read_state(write(tmp_path / "a.pt", mapping(state), {"0": array}))
    np.testing.assert_array_equal(found["part"], [3, 4])
    np.testing.assert_array_equal(found["turned"], array.reshape(4, 3).T)


ARRAY = np.arange(4, dtype=np.float32)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (named("os", "system") + tupled(plain("touch {0}/run")) + b"R", "it names os.system, which no file of weights"),
        (named("builtins", "eval") + tupled(plain("open('{0}/run', 'w')")) + b"R", "it names builtins.eval"),
        (named("torch", "load") + tupled(plain("x")) + b"R", "it names torch.load"),
        (mapping({"a": tensor(storage("0", ARRAY), (3,), (1,), 2)}), "lies outside its storage of 4 items"),
        (mapping({"a": tensor(storage("0", ARRAY), (2,), (-1,), 3)}), "lies outside its storage of 4 items"),
        (mapping({"a": tensor(storage("0", ARRAY), (10**9,), (0,))}), "lies outside its storage of 4 items"),
        (mapping({"a": tensor(storage("0", ARRAY, 8), (8,), (1,))}), "cannot be read"),
        (mapping({"a": tensor(storage("1", ARRAY), (4,), (1,))}), "cannot be read"),
        (mapping({"a": tupled(plain("module"), *[plain(0)] * 4) + b"Q"}), "it holds a 'module' of 0"),
        (mapping({"a": plain(1)}), "holds no state of a model"),
        (plain([1]), "holds no state of a model"),
        (b"R", "cannot be read"),
    ],
)
def test_what_a_file_of_weights_does_not_need_is_refused_and_not_run(tmp_path, content, message):
    content = content.replace(b"{0}", bytes(tmp_path)) if b"{0}" in content else content
    with pytest.raises(InputError, match=message):
        read_state(write(tmp_path / "a.ckpt", content, {"0": ARRAY}))
    assert os.listdir(tmp_path) == ["a.ckpt"]


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "a.ckpt").write_bytes(pickle.dumps({}))
    with pytest.raises(InputError, match=r"a.ckpt cannot be read \(File is not a zip file\)"):
        read_state(tmp_path / "a.ckpt")


def test_the_command_converts_the_three_judges(tmp_path, capsys):
    for name in NAMES:
        write_checkpoint(tmp_path / f"{name}_classifier-epoch=21.ckpt", random_weights(name))
    given = (f"--checkpoints={tmp_path}", f"--output={tmp_path}/judges")
    run_here("convert_judges", *given)
    assert capsys.readouterr().out.count("wrote ") == 3
    for name in NAMES:
        with np.load(tmp_path / "judges" / f"{name}_classifier.npz") as found:
            assert set(found) == set(random_weights(name))
            for key, array in random_weights(name).items():
                np.testing.assert_array_equal(found[key], array)
    write_checkpoint(tmp_path / "digit_classifier-epoch=1.ckpt", random_weights("intensity"))
    with pytest.raises(InputError, match=r"has digit_classifier-epoch=1.ckpt, digit_classifier-epoch=21.ckpt of"):
        run_here("convert_judges", *given)
    (tmp_path / "digit_classifier-epoch=21.ckpt").unlink()
    with pytest.raises(InputError, match=r"is no judge of the digit: fc.3.weight is \(1, 64\)"):
        run_here("convert_judges", *given)
