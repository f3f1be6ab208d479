"""Monotone rational-quadratic splines (Durkan et al. 2019, arXiv 1906.04032, section 3.1), the identity outside."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

EDGE = 4.0  # the spline bends inside -EDGE..EDGE, where nearly all standard normal noise lies
MIN_SHARE, MIN_SLOPE = 1e-3, 1e-3  # least width and height of a bin, as a share of all; least slope at a knot


class Spline(NamedTuple):
    """An increasing map T of numbers: through the knots (x, y), with slopes there; all [..., bins + 1].

    The first and the last knot lie at -EDGE and EDGE, with a slope of 1: outside T is the identity.
    """

    x: jax.Array
    y: jax.Array
    slope: jax.Array

    def forward(self, u: jax.Array) -> tuple[jax.Array, jax.Array]:
        """T(u) and log T'(u); the knots' axes but the last broadcast against u."""
        x0, y0, d0, width, height, d1 = self._bins(self.x, u)
        s, theta = height / width, jnp.clip((u - x0) / width, 0, 1)
        through = theta * (1 - theta)
        below = s + (d1 + d0 - 2 * s) * through
        t = y0 + height * (s * theta**2 + d0 * through) / below  # equation 4
        return self._outside(u, t), self._log_slope(u, s, theta, d0, d1)

    def inverse(self, t: jax.Array) -> tuple[jax.Array, jax.Array]:
        """u with T(u) = t, and log T'(u)."""
        x0, y0, d0, width, height, d1 = self._bins(self.y, t)
        s, rise = height / width, jnp.clip(t - y0, 0, height)
        bend = rise * (d1 + d0 - 2 * s)
        a, b, c = height * (s - d0) + bend, height * d0 - bend, -s * rise  # equations 6 to 8
        theta = jnp.clip(2 * c / (-b - jnp.sqrt(jnp.maximum(b**2 - 4 * a * c, 0))), 0, 1)
        u = self._outside(t, x0 + theta * width)
        return u, self._log_slope(t, s, theta, d0, d1)

    def _bins(self, knots: jax.Array, value: jax.Array):
        """What the bin of each value starts with (x, y, slope), its width and height, and the slope where it ends."""
        place = jnp.sum(value[..., None] >= knots[..., 1:-1], -1)[..., None]
        shape = (*value.shape, knots.shape[-1])

        def at(values, i):
            return jnp.take_along_axis(jnp.broadcast_to(values, shape), i, -1)[..., 0]

        x0, y0, d0 = (at(values, place) for values in self)
        x1, y1, d1 = (at(values, place + 1) for values in self)
        return x0, y0, d0, x1 - x0, y1 - y0, d1

    @staticmethod
    def _outside(value: jax.Array, inside: jax.Array) -> jax.Array:
        return jnp.where(jnp.abs(value) < EDGE, inside, value)

    @staticmethod
    def _log_slope(value, s, theta, d0, d1) -> jax.Array:
        """log T' (equation 5), 0 outside."""
        through = theta * (1 - theta)
        above = s**2 * (d1 * theta**2 + 2 * s * through + d0 * (1 - theta) ** 2)
        below = (s + (d1 + d0 - 2 * s) * through) ** 2
        return jnp.where(jnp.abs(value) < EDGE, jnp.log(above) - jnp.log(below), 0)


def spline_of(raw: jax.Array) -> Spline:
    """The spline of 3 bins - 1 unconstrained numbers [..., 3 bins - 1]; the identity where all of them are 0."""
    bins = (raw.shape[-1] + 1) // 3
    widths, heights, slopes = jnp.split(raw, (bins, 2 * bins), -1)
    ends = [(0, 0)] * (raw.ndim - 1) + [(1, 1)]
    shift = jnp.log(jnp.expm1(jnp.float32(1 - MIN_SLOPE)))
    slope = jnp.pad(MIN_SLOPE + jax.nn.softplus(slopes + shift), ends, constant_values=1.0)
    return Spline(_knots(widths), _knots(heights), slope)


def _knots(raw: jax.Array) -> jax.Array:
    """[..., bins] -> [..., bins + 1] increasing from -EDGE to EDGE."""
    shares = MIN_SHARE + (1 - MIN_SHARE * raw.shape[-1]) * jax.nn.softmax(raw, -1)
    inner = 2 * EDGE * jnp.cumsum(shares, -1)[..., :-1] - EDGE
    edge = jnp.full((*raw.shape[:-1], 1), EDGE, raw.dtype)
    return jnp.concatenate([-edge, inner, edge], -1)
