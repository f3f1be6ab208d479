"""`cdae generate`: the shards that it writes, and values that none can have."""

import numpy as np
import pytest
from commands import run_here
from devices import one_device

from cdae_jax.errors import InputError


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (21, 16, 16, 3)).astype(np.uint8)


def test_the_command_writes_shards_and_refuses_bad_values(trained_pendulum, images, tmp_path, capsys):
    np.savez(tmp_path / "images.npz", images=images)
    flags = (f"--workdir={trained_pendulum}", f"--input={tmp_path}/images.npz", f"--output={tmp_path}/out")
    with one_device():
        run_here("generate", *flags, "--do=angle=20", "--shard_size=16")
        told = capsys.readouterr()
        assert told.out.splitlines(True)[-1] == f"21 counterfactuals in 2 shards: {tmp_path}/out\n"
        assert "image/s" in told.err and "MiB" in told.err
        with pytest.raises(InputError, match="expected a number, .*to add"):
            run_here("generate", *flags, "--do=angle=much")


def test_a_folder_without_images_is_named_before_anything_is_written(trained_pendulum, tmp_path):
    given = (f"--workdir={trained_pendulum}", f"--input={tmp_path}", f"--output={tmp_path}/x", "--do=angle=20")
    with one_device(), pytest.raises(InputError, match="has no images"):
        run_here("generate", *given)
    assert not list(tmp_path.iterdir())
