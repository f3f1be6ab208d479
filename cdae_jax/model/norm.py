"""Group normalisation (arXiv 1803.08494), and SiLU where it follows, as one operation with a gradient of its own.

    y = a (x - mean) r + b,   r = 1 / sqrt(var + EPS);   SiLU: y sigmoid(y)

with mean and variance over the positions and channels of a group. Given g = dL/dy, everything follows from two sums
over the positions alone, G = sum g and P = sum g (x - mean): dL/db = G, dL/da = r P and

    dL/dx = r (a g - mean(a g) - (x - mean) r^2 mean(a g (x - mean))),   means over the group.

Of the arrays that are as large as x, x alone is kept for the gradient, in its own type: y and its sigmoid are made
again. a and b may differ from image to image, so that a condition (FiLM, arXiv 1709.07871) takes no sums of its own.
"""

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp

EPS = 1e-6


def sum_over_positions(x: jax.Array) -> jax.Array:
    """[B, H, W, C] -> [B, C]; on the CPU by a matrix product (docs/performance.md says why)."""

    def by_product(rows):
        ones = jnp.ones((rows.shape[0], 1, rows.shape[1]), rows.dtype)
        return jnp.matmul(ones, rows, precision=jax.lax.Precision.HIGHEST)[:, 0]

    rows = x.reshape(x.shape[0], -1, x.shape[-1])
    return jax.lax.platform_dependent(rows, cpu=by_product, default=lambda rows: jnp.sum(rows, axis=1))


def _mean_over_group(sums: jax.Array, groups: int, positions: int) -> jax.Array:
    """Sums over positions [B, C] -> means over positions and the channels of the group, [B, C]."""
    means = sums.reshape(sums.shape[0], groups, -1).mean(-1) / positions
    return jnp.repeat(means, sums.shape[1] // groups, axis=1)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def group_norm(x: jax.Array, a: jax.Array, b: jax.Array, groups: int, silu: bool) -> jax.Array:
    """x [B, H, W, C] of any float type, a and b [B, C] float32 -> the same shape and type as x; computed in float32."""
    return _forward(x, a, b, groups, silu)[0]


def _normalised(x, a, b, mean, r):
    return (x.astype(jnp.float32) - mean[:, None, None]) * (a * r)[:, None, None] + b[:, None, None]


def _forward(x, a, b, groups, silu):
    positions = math.prod(x.shape[1:3])
    values = x.astype(jnp.float32)
    mean = _mean_over_group(sum_over_positions(values), groups, positions)
    square = _mean_over_group(sum_over_positions(values**2), groups, positions)
    r = jax.lax.rsqrt(jnp.maximum(square - mean**2, 0) + EPS)
    y = _normalised(x, a, b, mean, r)
    return (nn.silu(y) if silu else y).astype(x.dtype), (x, a, b, mean, r)


def _backward(groups, silu, saved, g):
    x, a, b, mean, r = saved
    positions = math.prod(x.shape[1:3])
    g, centred = g.astype(jnp.float32), x.astype(jnp.float32) - mean[:, None, None]
    if silu:
        y = _normalised(x, a, b, mean, r)
        sigmoid = nn.sigmoid(y)
        g = g * sigmoid * (1 + y * (1 - sigmoid))
        if x.dtype != jnp.float32:  # kept between the sums and dL/dx in the type of x, else XLA keeps float32
            g = jax.lax.optimization_barrier(g.astype(x.dtype)).astype(jnp.float32)
    of_g, of_product = sum_over_positions(g), sum_over_positions(g * centred)
    offset = _mean_over_group(a * of_g, groups, positions)
    slope = r**2 * _mean_over_group(a * of_product, groups, positions)
    to_x = a[:, None, None] * g - offset[:, None, None] - centred * slope[:, None, None]
    return (to_x * r[:, None, None]).astype(x.dtype), r * of_product, of_g


group_norm.defvjp(_forward, _backward)


class GroupNorm(nn.Module):
    """Group norm with 32 groups, or as many of them as divide the channels, in float32; its output is of type dtype."""

    dtype: jnp.dtype = jnp.float32
    silu: bool = False  # x * sigmoid(x) of what comes out

    @nn.compact
    def __call__(self, x: jax.Array, affine: tuple[jax.Array, jax.Array] | None = None) -> jax.Array:
        """x [B, H, W, C] -> the same shape, times 1 + scale plus shift if affine is (scale, shift), each [B, C]."""
        channels = x.shape[-1]
        a = self.param("scale", nn.initializers.ones, (channels,))[None]
        b = self.param("bias", nn.initializers.zeros, (channels,))[None]
        if affine is not None:
            scale, shift = (part.astype(jnp.float32) for part in affine)
            a, b = a * (1 + scale), b * (1 + scale) + shift
        a, b = (jnp.broadcast_to(part, (x.shape[0], channels)) for part in (a, b))
        return group_norm(x, a, b, math.gcd(32, channels), self.silu).astype(self.dtype)
