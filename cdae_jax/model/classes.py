"""Which class an effect has: the Gumbel-max trick and its counterfactuals (Oberst & Sontag 2019, arXiv 1905.05824).

A class follows its causes by c = argmax_j (logits_j + g_j), g_j independent standard Gumbel noise, which is
p(c) = softmax(logits). What is known of g after c was seen is its posterior; under other logits the same g says what
the class would have been. No class other than c comes unless its odds against c have grown.
"""

import jax
import jax.numpy as jnp

ROUGHNESS = 30.0  # per unit of u: nearer than about 1 / ROUGHNESS images share their noise
FEATURES = 64
MARGIN = 1e-6  # from 0 and 1, within which uniform numbers stay


def noise_of(u: jax.Array, key: jax.Array, classes: int) -> jax.Array:
    """[B, classes] standard Gumbel noise that belongs to u [B, D]: a fixed function of it, which the key picks.

    Random numbers seeded by the bits of u would be others as soon as u is computed in another batch or program, which
    moves its last bits. Here the noise is a field that is rough where images differ and flat where rounding does: sums
    of waves of random direction and phase (random features, Rahimi & Recht 2007), which over images are normal.
    """
    key_wave, key_phase = jax.random.split(key)
    waves = ROUGHNESS * jax.random.normal(key_wave, (u.shape[-1], classes * FEATURES))
    phases = jax.random.uniform(key_phase, (1, classes * FEATURES), maxval=2 * jnp.pi)
    field = jnp.cos(jnp.matmul(u, waves, precision="highest") + phases).reshape(-1, classes, FEATURES)
    uniform = jax.scipy.stats.norm.cdf(jnp.sqrt(2 / FEATURES) * jnp.sum(field, -1))
    return -jnp.log(-jnp.log(jnp.clip(uniform, MARGIN, 1 - MARGIN)))


def posterior(logits: jax.Array, c: jax.Array, noise: jax.Array) -> jax.Array:
    """log p + g [B, C], drawn given that the largest is at c [B]; from logits and standard Gumbel noise [B, C].

    Top down: the largest of all is Gumbel noise, whatever c; the others are Gumbel noise of their own, cut off there.
    """
    log_p = jax.nn.log_softmax(logits)
    is_c = jnp.arange(logits.shape[-1])[None] == c[:, None]
    largest = jnp.sum(jnp.where(is_c, noise, 0), -1, keepdims=True)
    return jnp.where(is_c, largest, -jnp.logaddexp(-largest, -(log_p + noise)))


def class_under(before: jax.Array, after: jax.Array, c: jax.Array, noise: jax.Array) -> jax.Array:
    """The class [B] int32 under logits `after` [B, C] of what had the class c [B] under `before`; noise as for
    `posterior`. It is c wherever no odds against c have grown, exactly."""
    found = posterior(before, c, noise) + (after - before)
    own = jnp.take_along_axis(found, c[:, None], -1)[:, 0]
    return jnp.where(own >= found.max(-1), c, jnp.argmax(found, -1).astype(c.dtype))
