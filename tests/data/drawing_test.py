"""Shapes by signed distance: lengths, and edges that fade over a pixel."""

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.data.drawing import paint, point_distance, segment_distance, to_uint8


def test_distances_to_a_point_and_to_a_segment():
    np.testing.assert_allclose(point_distance(3.0, 4.0, (0.0, 0.0)), 5, rtol=1e-6)
    x, y = np.array([0.0, 2.0, 5.0]), np.array([3.0, 3.0, 4.0])
    np.testing.assert_allclose(segment_distance(x, y, (0.0, 0.0), (2.0, 0.0)), [3, 3, 5], rtol=1e-6)


def test_the_distance_to_a_point_can_be_differentiated_at_it():
    slope = jax.grad(lambda x: point_distance(x, jnp.float32(0), (0.0, 0.0), jnp))(jnp.float32(0))
    assert jnp.isfinite(slope)


def test_an_edge_fades_over_a_pixel():
    image = np.ones((2, 1, 4, 3), np.float32)
    distance = np.array([-1, -0.25, 0, 1])[None, None].repeat(2, 0)
    painted = paint(image, distance, np.array([[0, 0, 0], [1, 0, 0]]), pixel=1.0)
    np.testing.assert_allclose(painted[0, 0, :, 0], [0, 0.25, 0.5, 1])
    np.testing.assert_allclose(painted[1, 0, :, 0], 1)
    np.testing.assert_allclose(painted[1, 0, :, 1], [0, 0.25, 0.5, 1])
    assert to_uint8(painted)[0, 0].tolist() == [[0] * 3, [64] * 3, [128] * 3, [255] * 3]
