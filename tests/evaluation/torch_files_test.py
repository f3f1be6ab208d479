"""Checkpoints in PyTorch's format: what they hold, and what is not run."""

import os
import pickle

import numpy as np
import pytest
from torch_checkpoints import STORAGES, mapping, named, plain, storage, tensor, tupled, write, write_checkpoint

from cdae_jax.errors import InputError
from cdae_jax.evaluation.torch_files import read_state


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
