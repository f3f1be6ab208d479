"""Images as bytes and as numbers."""

import jax.numpy as jnp
import numpy as np

from cdae_jax.data.pixels import to_uint8, to_unit


def test_every_byte_comes_back():
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    x = to_unit(images)
    assert x.dtype == jnp.float32 and x.min() == -1 and x.max() == 1
    np.testing.assert_array_equal(to_uint8(x), images)


def test_numbers_are_rounded_to_the_nearest_byte():
    step = 1 / 127.5
    assert to_uint8(jnp.array([-1 + 0.4 * step, -1 + 0.6 * step, 1 - 0.6 * step])).tolist() == [0, 1, 254]
