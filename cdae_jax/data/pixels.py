"""Images as bytes and as the network's numbers, converted on the device."""

import jax
import jax.numpy as jnp


@jax.jit
def to_unit(images: jax.Array) -> jax.Array:
    """uint8 of any shape -> float32 in [-1, 1]."""
    return images.astype(jnp.float32) / 127.5 - 1


@jax.jit
def to_uint8(x: jax.Array) -> jax.Array:
    """[-1, 1] of any shape -> uint8."""
    return jnp.rint((x + 1) * 127.5).astype(jnp.uint8)
