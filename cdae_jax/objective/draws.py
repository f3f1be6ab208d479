"""The random numbers of a training step."""

from typing import NamedTuple

import jax

from cdae_jax.model.causal_diffae import CausalDiffAE


class Draws(NamedTuple):
    """The random numbers of a batch, drawn for all of it at once so that splitting it changes nothing.

    u [B, n, k], eps [B, H, W, C] and style [B, m]: standard normal; t [B] int32 step indices; drop, hide [B] bool:
    where z, and where the context, is replaced by the null condition; swap [B, n] bool: where z_i is replaced by what
    do() would set; plain [B] uniform in 0..1: below some share the draft learns without style.
    """

    u: jax.Array
    eps: jax.Array
    t: jax.Array
    drop: jax.Array
    hide: jax.Array
    swap: jax.Array
    style: jax.Array | None  # this and the next of a model with style
    plain: jax.Array | None


def draw(model: CausalDiffAE, num_steps: int, condition_drop: float, image_shape, key: jax.Array) -> Draws:
    """The random numbers for images [B, H, W, C] and T diffusion steps; a key used for nothing else."""
    key_u, key_t, key_eps, key_drop, key_context = jax.random.split(key, 5)
    num = image_shape[:1]
    return Draws(
        u=jax.random.normal(key_u, (*num, len(model.graph), model.block_dim)),
        eps=jax.random.normal(key_eps, image_shape),
        t=jax.random.randint(key_t, num, 0, num_steps),
        drop=jax.random.bernoulli(key_drop, condition_drop, num),
        hide=jax.random.bernoulli(key_context, condition_drop, num),
        swap=jax.random.bernoulli(jax.random.fold_in(key, 5), 0.5, (*num, len(model.graph))),
        style=jax.random.normal(jax.random.fold_in(key, 6), (*num, model.style_dim)) if model.style_dim else None,
        plain=jax.random.uniform(jax.random.fold_in(key, 7), num) if model.style_dim else None,
    )
