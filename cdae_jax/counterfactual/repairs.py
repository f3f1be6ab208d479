"""Repairs of errors of the encoder and the inversion, our own: restoring what is lost, and self-correction."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from cdae_jax.graph import CausalGraph
from cdae_jax.model.network import Network

RESTORE_SD = 0.25  # on the scale -1..1: a pixel that changes by much more gets nothing back
MAX_MISSING = 0.5  # standard deviations of a label: the most that one correction asks for


def numbers(graph: CausalGraph) -> jax.Array:
    """[n] bool: the variables that are no classes."""
    return jnp.asarray([not var.classes for var in graph.variables])


def restore(x: jax.Array, x_rec: jax.Array, x_cf: jax.Array) -> jax.Array:
    """x_cf [B, H, W, C] with what the reconstruction x_rec of the factual x lost, where the intervention leaves it:

        x_cf + exp(-(x_cf - x_rec)^2 / (2 RESTORE_SD^2)) (x - x_rec)

    so that a null intervention, whose x_cf is x_rec, gives back x; all in [-1, 1]. (After the correction of the source
    in Direct Inversion, arXiv 2310.01506, but once, in the image, and by how much each pixel changes.)
    """
    return x_cf + jnp.exp(-0.5 * ((x_cf - x_rec) / RESTORE_SD) ** 2) * (x - x_rec)


def sets_causes(graph: CausalGraph, y_do: jax.Array) -> jax.Array:
    """[B] bool: whether y_do [B, n], NaN elsewhere, sets roots of the graph alone, and any."""
    is_root = jnp.asarray([not parents for parents in graph.parents])
    is_set = jnp.isfinite(y_do)
    return is_set.any(1) & (is_root[None] | ~is_set).all(1)


def missing_labels(graph: CausalGraph, y: jax.Array, y_cf: jax.Array, may_correct: jax.Array) -> jax.Array:
    """y_cf - y, [B, n] standardised and within MAX_MISSING of 0: what the labels y read from a made image lack of the
    wanted ones y_cf, both [B, n]; 0 for classes, and for all of an image without `may_correct` [B].

    The encoder misreads an image in the same way before and after the change, so that asking for what is missing mends
    its errors too, not only the decoder's. It was not trained on images that break the mechanisms, in which an effect
    is set (see `sets_causes`) or was set (`algorithm.breaks_mechanism`).
    """
    gap = jnp.clip(y_cf - y, -MAX_MISSING, MAX_MISSING)
    return jnp.where(numbers(graph)[None] & may_correct[:, None], gap, 0)


def self_correct(
    net: Network,
    decode: Callable[[jax.Array], jax.Array],
    read: Callable[[jax.Array], jax.Array],
    x: jax.Array,
    z_cf: jax.Array,
    may_correct: jax.Array,
    times: int | jax.Array,
    misread: jax.Array | float = 0.0,
) -> jax.Array:
    """The image like x [B, H, W, C] of z_cf [B, n, k], made again `times` times of z_cf moved by what the last image
    lacks (self-correction: docs/tried.md, "Repairs"):

        z_cf + m(y) - m(y_cf),   y starts at y_cf and grows by `missing_labels` of each image

    decode maps latents to images, and read images to standardised labels [B, n]; may_correct [B] as for
    `missing_labels`. misread [B, n] is by how much the factual image's labels are read too high, where these are known:
    the made image's will be again. The loop is compiled once for any `times`; its last reading is not used.
    """
    y_cf = net.labels_of(z_cf)

    def make(_, carry):
        y, _ = carry
        made = decode(z_cf + net.codes(y) - net.codes(y_cf))
        return y + missing_labels(net.graph, read(made), y_cf + misread, may_correct), made

    return jax.lax.fori_loop(0, times + 1, make, (y_cf, x))[1]
