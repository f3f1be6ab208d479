"""Which class an effect has: the Gumbel-max trick and its counterfactuals (Oberst & Sontag 2019, arXiv 1905.05824).

A class follows its causes by c = argmax_j (logits_j + g_j), g_j independent standard Gumbel noise, so that
p(c) = softmax(logits). Observing c gives a posterior of g; the same g under other logits says what the class would have
been. The class changes only to one whose odds against c have grown.
"""

import jax
import jax.numpy as jnp

ROUGHNESS = 30.0  # per unit of u: images nearer than about 1 / ROUGHNESS share their noise
FEATURES = 64
MARGIN = 1e-6  # how far from 0 and 1 uniform numbers stay


def noise_of(u: jax.Array, key: jax.Array, classes: int) -> jax.Array:
    """[B, classes] standard Gumbel noise that belongs to u [B, D]: a fixed function of it, which the key picks.

    Noise seeded by the bits of u would change when u is computed in another batch or program, which moves its last
    bits. This noise is a smooth function of u that differs between images but hardly within rounding errors: sums of
    waves of random direction and phase (random features, Rahimi & Recht 2007), normal over images, mapped to Gumbel.
    """
    key_wave, key_phase = jax.random.split(key)
    waves = ROUGHNESS * jax.random.normal(key_wave, (u.shape[-1], classes * FEATURES))
    phases = jax.random.uniform(key_phase, (1, classes * FEATURES), maxval=2 * jnp.pi)
    field = jnp.cos(jnp.matmul(u, waves, precision="highest") + phases).reshape(-1, classes, FEATURES)
    uniform = jax.scipy.stats.norm.cdf(jnp.sqrt(2 / FEATURES) * jnp.sum(field, -1))
    return -jnp.log(-jnp.log(jnp.clip(uniform, MARGIN, 1 - MARGIN)))


def posterior(logits: jax.Array, c: jax.Array, noise: jax.Array) -> jax.Array:
    """log p + g [B, C], drawn given that the largest is at c [B]; from logits and standard Gumbel noise [B, C].

    Top down: the largest is standard Gumbel noise whatever c is; the others are Gumbel noise truncated at the largest.
    """
    log_p = jax.nn.log_softmax(logits)
    is_c = jnp.arange(logits.shape[-1])[None] == c[:, None]
    largest = jnp.sum(jnp.where(is_c, noise, 0), -1, keepdims=True)
    return jnp.where(is_c, largest, -jnp.logaddexp(-largest, -(log_p + noise)))


def class_under(before: jax.Array, after: jax.Array, c: jax.Array, noise: jax.Array) -> jax.Array:
    """The class [B] int32 under logits `after` [B, C], given the class c [B] under logits `before` [B, C]; noise as for
    `posterior`. It is exactly c wherever no odds against c have grown."""
    found = posterior(before, c, noise) + (after - before)
    own = jnp.take_along_axis(found, c[:, None], -1)[:, 0]
    return jnp.where(own >= found.max(-1), c, jnp.argmax(found, -1).astype(c.dtype))
