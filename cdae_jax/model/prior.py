"""The label prior p(z | y) = prod_i N(z_i; m_i(y_i), sd^2 I) (arXiv 2404.17735, section 4), and its inverse."""

import jax
import jax.numpy as jnp

from cdae_jax.graph import CausalGraph, Variable


def class_codes(classes: int, block_dim: int) -> jax.Array:
    """[classes, k]: the code of every class of a categorical variable, one-hot, standardised, padded with zeros."""
    one_hot = jnp.eye(classes, block_dim)
    inside = (jnp.arange(block_dim) < classes).astype(one_hot.dtype)
    return (one_hot - inside[None] / classes) / jnp.sqrt((classes - 1) / classes**2)


def codes_of(var: Variable, block_dim: int) -> jax.Array:
    """[classes, k]: the code of every class of a variable; of a binary effect its standardised labels -1 and 1 (see
    `LabelStats`), repeated."""
    if var.kind == "binary":
        return jnp.repeat(jnp.asarray([[-1.0], [1.0]]), block_dim, axis=-1)
    return class_codes(var.classes, block_dim)


def nearest(codes: jax.Array, z: jax.Array) -> jax.Array:
    """The class [B] int32 whose code [classes, k] is nearest to z [B, k]."""
    return jnp.argmin(jnp.sum((z[:, None] - codes[None]) ** 2, -1), axis=1).astype(jnp.int32)


def label_codes(graph: CausalGraph, block_dim: int, y: jax.Array) -> jax.Array:
    """m(y), the prior's mean: standardised labels [B, n] -> [B, n, k].

    A number is repeated over its block, as published; a class becomes its code.
    """
    blocks = []
    for i, var in enumerate(graph.variables):
        if var.kind == "categorical":
            index = jnp.clip(y[:, i].astype(jnp.int32), 0, var.classes - 1)
            blocks.append(class_codes(var.classes, block_dim)[index])
        else:
            blocks.append(jnp.repeat(y[:, i, None], block_dim, axis=-1))
    return jnp.stack(blocks, axis=1)


def labels_of(graph: CausalGraph, z: jax.Array) -> jax.Array:
    """The standardised labels [B, n] whose codes are nearest to z [B, n, k]: a block's mean, or the nearest class."""
    columns = []
    for i, var in enumerate(graph.variables):
        if var.kind == "categorical":
            columns.append(nearest(class_codes(var.classes, z.shape[-1]), z[:, i]).astype(z.dtype))
        else:
            columns.append(jnp.mean(z[:, i], -1))
    return jnp.stack(columns, axis=1)
