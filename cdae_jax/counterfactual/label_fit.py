"""Labels that explain an image: those that the encoder reads, fitted by the draft (analysis by synthesis; our own)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

SECANT = 0.02  # standard deviations of a label, over which the draft's slopes are taken
FARTHEST = 4.0  # standard deviations of the prior: labels are moved by no more
GRAIN = (2 / 255) ** 2 / 12  # variance of what rounding to bytes leaves, on the scale -1..1
ALIKE = 30.0  # values of an image that count as one: what a draft leaves is alike in neighbours (docs/tried.md)


def fit_labels(
    draft: Callable[[jax.Array], jax.Array],
    x: jax.Array,
    y: jax.Array,
    movable: jax.Array,
    prior_sd: float,
    num_steps: int,
) -> jax.Array:
    """The labels near y whose drafts explain x best, by Gauss-Newton steps from y:

        argmin_y*  ||x - draft(y*)||^2 / (ALIKE s^2) + ||y* - y||^2 / prior_sd^2

    with s^2 the mean square of what the last step left, so that a draft that says little of an image moves little. The
    slopes are secants, taken once, at y (the labels move by hundredths of a standard deviation). Where the fit does not
    explain an image better, its y stays.

    The draft makes images like x, [B, P] on the scale -1..1, of standardised labels like y [B, n]; those that are
    `movable` [B, n] may move: numbers that are not known. prior_sd, in standard deviations of a label, is how far off y
    may be expected to be. A step costs one draft; the slopes cost n + 1.
    """
    offsets = jnp.pad(SECANT * jnp.eye(y.shape[1], dtype=y.dtype), ((1, 0), (0, 0)))
    drafts = jax.lax.map(lambda offset: draft(y + jnp.where(movable, offset[None], 0)), offsets)
    slopes = (drafts[1:] - drafts[:1]) / SECANT
    curvature = jnp.einsum("ibp,jbp->bij", slopes, slopes)

    def step(_, carry):
        moved, left = carry
        ridge = ALIKE * jnp.maximum(jnp.mean(left**2, -1), GRAIN)[:, None] / prior_sd**2
        downhill = jnp.einsum("ibp,bp->bi", slopes, left) - ridge * moved
        move = jnp.linalg.solve(curvature + ridge[..., None] * jnp.eye(y.shape[1])[None], downhill[..., None])
        moved = jnp.clip(moved + move[..., 0], -FARTHEST * prior_sd, FARTHEST * prior_sd)
        return moved, x - draft(y + moved)

    moved, left = jax.lax.fori_loop(0, num_steps, step, (jnp.zeros_like(y), x - drafts[0]))
    better = jnp.sum(left**2, -1) < jnp.sum((x - drafts[0]) ** 2, -1)
    return jnp.where(better[:, None], y + moved, y)
