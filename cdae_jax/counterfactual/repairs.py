"""Repairs of errors of the encoder and the inversion, our own: restoring what is lost, and self-correction."""

import jax
import jax.numpy as jnp

from cdae_jax.graph import CausalGraph

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
