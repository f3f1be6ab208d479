"""A decoder that draws the parts of an image one by one: which variable can change what."""

import jax
import jax.numpy as jnp

from cdae_jax.model.drafts import PartsDecoder
from cdae_jax.settings.run import Settings
from configs.pendulum import get_config

SHAPE = (16, 16, 3)
SIZES = ((1,), 1, 4, 0)
PARTS = ((0,), (1, 3), (2,))


def decode(net, params, z):
    return net.apply(params, z, jnp.zeros(z.shape[0], jnp.int32), SHAPE)


def init(net):
    params = net.init(jax.random.key(0), jnp.zeros((1, 4, 2)), jnp.zeros(1, jnp.int32), SHAPE)
    return jax.tree.map(lambda leaf: leaf + 0.05 * jax.random.normal(jax.random.key(1), leaf.shape), params)


def test_variables_of_different_parts_change_the_image_independently_and_those_of_one_do_not():
    net = PartsDecoder(PARTS, 8, *SIZES)
    params = init(net)
    z, other = jax.random.normal(jax.random.key(2), (2, 3, 4, 2))

    @jax.jit
    def together(i, j):
        """How far changing z_i and z_j at once is from the sum of changing each."""
        pick = [jnp.zeros(4, bool), *(jnp.arange(4) == k for k in (i, j)), (jnp.arange(4) == i) | (jnp.arange(4) == j)]
        changed = jnp.concatenate([jnp.where(at[None, :, None], other, z) for at in pick])
        x, x_i, x_j, x_ij = jnp.split(decode(net, params, changed), 4)
        return jnp.abs(x_ij - x_i - x_j + x).max(), jnp.abs(x_i - x).max()

    for i in range(4):
        for j in range(i):
            gap, change = together(i, j)
            same_part = (i, j) == (3, 1)
            assert change > 0.05 and (gap > 0.05 if same_part else gap < 1e-5), (i, j)


def test_the_draft_of_a_config_with_parts_has_one_decoder_for_each():
    config = get_config("cpu")
    model = Settings.from_dict(config.to_dict()).make_model(0)
    assert model.parts and model.graph.parts == ((0,), (1,), (2, 3))
    shapes = jax.eval_shape(
        lambda: model.init(
            jax.random.key(0),
            jnp.zeros((1, 32, 32, 3)),
            jnp.zeros((1, 4)),
            jnp.zeros(1),
            jnp.zeros(1, jnp.int32),
            jnp.zeros(1, bool),
        )
    )
    assert sorted(shapes["params"]["conv_decoder"]) == [f"ConvDecoder_{i}" for i in range(3)]
