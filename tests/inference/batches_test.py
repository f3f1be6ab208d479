"""Rows in batches of a few sizes, over all devices."""

import jax
import numpy as np
import pytest

from cdae_jax.distributed import sharding
from cdae_jax.inference import batches


@pytest.mark.parametrize(("num", "sizes"), [(1, [8]), (8, [8]), (9, [64]), (600, [512, 512])])
@pytest.mark.parametrize("devices", [1, 8])
def test_every_row_is_answered_once_and_batches_have_few_sizes(num, sizes, devices):
    seen, rows = [], np.arange(2 * num, dtype=np.float32).reshape(num, 2)

    def function(i, x, label):
        seen.append((i, len(x), len(x.sharding.device_set)))
        return {"sum": x.sum(1) + label, "x": x}

    mesh = sharding.make_mesh(devices=jax.local_devices()[:devices])
    found = batches.in_batches(function, {"x": rows, "label": np.full(num, 0.5, np.float32)}, mesh)
    np.testing.assert_array_equal(found["x"], rows)
    np.testing.assert_array_equal(found["sum"], rows.sum(1) + 0.5)
    assert [i for i, _, _ in seen] == list(range(len(seen))) and {count for _, _, count in seen} == {devices}
    if devices == 8:
        assert [size for _, size, _ in seen] == sizes
    else:
        assert {size for _, size, _ in seen} <= set(batches.BATCHES)
