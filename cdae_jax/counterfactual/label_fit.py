"""Labels that explain an image: those that the encoder reads, fitted by the draft (analysis by synthesis; our own)."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

SECANT = 0.02  # standard deviations of a label, over which the draft's slopes are taken
FARTHEST = 4.0  # standard deviations of the prior: labels are moved by no more
GRAIN = (2 / 255) ** 2 / 12  # variance of what rounding to bytes leaves, on the scale -1..1
ALIKE = 30.0  # values of an image that count as one: what a draft leaves is alike in neighbours (docs/tried.md)
SPACING = 0.5  # standard deviations of a label, between the values that are looked through
VALUES = 13  # so many, from -3 to 3
EVIDENCE = 10.0  # nats: a value is taken that explains an image better by more,
LEAST = 0.1  # and by more than this share of the sum of squares


class _Walk(NamedTuple):
    """Where a fit has come to: labels [B, n], and which of them were found far from y [B, n]; of a walk through values
    the best labels [B, n] and the sums of squares [B] that these and the first leave; of a fit the drafts for its
    slopes [n + 1, B, P], and by how much it has moved the labels [B, n]."""

    labels: jax.Array
    is_far: jax.Array
    best: jax.Array
    least: jax.Array
    first: jax.Array
    drafts: jax.Array
    moved: jax.Array


def fit_labels(
    draft: Callable[[jax.Array], jax.Array],
    x: jax.Array,
    y: jax.Array,
    movable: jax.Array,
    implied: jax.Array,
    prior_sd: float,
    num_steps: int,
) -> jax.Array:
    """The labels near y whose drafts explain x best, by Gauss-Newton steps from y:

        argmin_y*  ||x - draft(y*)||^2 / (ALIKE s^2) + ||y* - y||^2 / prior_sd^2

    with s^2 the mean square of what the last step left, so that a draft that says little of an image moves little. The
    slopes are secants, taken once, at y (the labels move by hundredths of a standard deviation). Where the fit does not
    explain an image better, its y stays.

    A label that its causes imply the encoder may have read from them: of an image in which it was set, it is far off.
    VALUES of each are therefore looked through after the fit, and the best of all taken where x speaks for it, against
    the labels y' at hand, by EVIDENCE: P / (2 ALIKE) log(||x - draft(y')||^2 / ||x - draft(y*)||^2), and by LEAST of
    the sum. This is done as often as an image has such labels, while it gains. Where one was taken, or the fit moved
    one as far as it may, two more fits start from what was found, with SPACING / 2 as its prior_sd.

    The draft makes images like x, [B, P] on the scale -1..1, of standardised labels like y [B, n]; those that are
    `movable` [B, n] may move: numbers that are not known; `implied` [B, n] are some of these. prior_sd, in standard
    deviations of a label, is how far off y may be expected to be. A step costs one draft; the slopes cost n + 1; c
    implied labels cost 1 + VALUES c. If any is taken, looking goes on, and the two fits cost as much as the first each.
    """
    num = y.shape[1]
    offsets = jnp.pad(SECANT * jnp.eye(num, dtype=y.dtype), ((0, 1), (0, 0)))
    columns, count = jnp.argsort(~implied.any(0)), jnp.sum(implied.any(0))  # the implied ones come first
    per_look, per_fit = 1 + VALUES * count, num + 1 + num_steps
    num_looks = count * per_look
    enough = min(math.exp(-2 * ALIKE * EVIDENCE / x.shape[1]), 1 - LEAST)

    def is_look(i):
        return (per_fit <= i) & (i < per_fit + num_looks)

    def place(i):
        """The place of the i-th draft in its round of looking, and in its fit."""
        return (i - per_fit) % per_look, jnp.where(i < per_fit, i, i - num_looks) % per_fit

    def tried(i, walk: _Walk):
        """The labels of the i-th draft. Of a fit: beside those at hand for each slope, those at hand, and where each
        step has come to; of a round of looking: those at hand, then one of them at each of its values."""
        at, k = place(i)
        is_set = implied & (jnp.arange(num) == columns[(at - 1) // VALUES])[None] & (at > 0)
        value = SPACING * ((at - 1) % VALUES - VALUES // 2).astype(y.dtype)
        offset = walk.moved + jnp.where(movable, offsets[jnp.minimum(k, num)][None], 0)
        return jnp.where(is_look(i), jnp.where(is_set, value, walk.labels), walk.labels + offset)

    def look(i, walk: _Walk, labels, made):
        (at, _), misfit = place(i), jnp.sum((x - made) ** 2, -1)
        is_first, is_last = at == 0, at == per_look - 1
        is_better = is_first | (misfit < walk.least)
        best, least = jnp.where(is_better[:, None], labels, walk.best), jnp.where(is_better, misfit, walk.least)
        first = jnp.where(is_first, misfit, walk.first)
        may_gain = is_last & ((i - per_fit) // per_look < jnp.sum(implied, 1))
        gains = (may_gain & (least < enough * first))[:, None]
        is_far = walk.is_far | (gains & (best != walk.labels))
        found = jnp.where(gains, best, walk.labels)
        following = jnp.where(is_last & ~gains.any(), per_fit + num_looks, i + 1)
        return following, walk._replace(labels=found, is_far=is_far, best=best, least=least, first=first)

    def fit(i, walk: _Walk, labels, made):
        (_, k), left = place(i), x - made
        drafts = walk.drafts.at[k].set(made, mode="drop")  # those of steps are not kept
        sd = jnp.where(walk.is_far, SPACING / 2, prior_sd)
        is_step = (num <= k) & (k < num + num_steps)
        moved = jax.lax.cond(is_step, step, lambda _, moved, *__: moved, drafts, walk.moved, left, sd)
        is_better = jnp.sum(left**2, -1) < jnp.sum((x - drafts[num]) ** 2, -1)
        is_better &= (i < per_fit) | walk.is_far.any(1)
        is_end = k == per_fit - 1
        found = jnp.where(is_end & is_better[:, None], labels, walk.labels)
        is_at_bound = implied & is_better[:, None] & (jnp.abs(moved) >= FARTHEST * prior_sd)
        is_far = walk.is_far | (is_at_bound & is_end & (i < per_fit))
        return i + 1, walk._replace(labels=found, is_far=is_far, drafts=drafts, moved=jnp.where(is_end, 0, moved))

    def step(drafts, moved, left, sd):
        slopes = (drafts[:num] - drafts[num : num + 1]) / SECANT
        ridge = ALIKE * jnp.maximum(jnp.mean(left**2, -1), GRAIN)[:, None] / sd**2
        curvature = jnp.einsum("ibp,jbp->bij", slopes, slopes) + ridge[..., None] * jnp.eye(num)[None]
        downhill = jnp.einsum("ibp,bp->bi", slopes, left) - ridge * moved
        move = jnp.linalg.solve(curvature, downhill[..., None])[..., 0]
        return jnp.clip(moved + move, -FARTHEST * sd, FARTHEST * sd)

    def body(carry):
        i, walk = carry
        labels = tried(i, walk)
        return jax.lax.cond(is_look(i), look, fit, i, walk, labels, draft(labels))

    def is_open(carry):
        i, walk = carry
        return i < num_looks + per_fit * jnp.where(walk.is_far.any(), 3, 1)

    # One loop for all, so that one draft is compiled.
    sums, drafts = jnp.zeros(x.shape[:1], x.dtype), jnp.zeros((num + 1, *x.shape), x.dtype)
    walk = _Walk(y, jnp.zeros(y.shape, bool), y, sums, sums, drafts, jnp.zeros_like(y))
    return jax.lax.while_loop(is_open, body, (jnp.int32(0), walk))[1].labels
