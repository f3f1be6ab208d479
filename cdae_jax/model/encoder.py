"""The encoders: an image to the exogenous noise of every causal variable, q(u | x), and to style, q(s | x, z)."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from cdae_jax.model.layers import Conv, ResBlock, space_to_depth
from cdae_jax.model.norm import GroupNorm

INITIAL_LOG_VAR = -4.0  # starts with little noise on u, so that the decoder learns to use z at once


class Encoder(nn.Module):
    """q(u | x) = N(mean(x), diag var(x)), a block of dimensions for each variable (arXiv 2404.17735, section 4)."""

    num_variables: int  # n
    block_dim: int  # k
    channels: int  # this and the others: as those of `UNet`
    multipliers: tuple[int, ...]
    patch: int
    dtype: jnp.dtype = jnp.float32
    initial_log_var: float = INITIAL_LOG_VAR
    kernel_init: Callable[..., jax.Array] = nn.initializers.lecun_normal()  # of the last layer

    @nn.compact
    def __call__(self, x: jax.Array, z: jax.Array | None = None) -> tuple[jax.Array, jax.Array]:
        """x [B, H, W, C] in [-1, 1] -> mean and log variance of u, each [B, n, k], given z [B, n', k'] if any."""
        cond = None
        if z is not None:
            dim = 4 * self.channels
            cond = nn.Dense(dim)(nn.silu(nn.Dense(dim)(z.reshape(z.shape[0], -1))))
        h = Conv(self.channels, dtype=self.dtype)(space_to_depth(x, self.patch))
        for level, multiplier in enumerate(self.multipliers):
            if level:
                h = Conv(self.channels * multiplier, stride=2, dtype=self.dtype)(h)
            h = ResBlock(self.channels * multiplier, self.dtype)(h, cond)
        # Flattened, not pooled: where things are matters.
        h = GroupNorm(self.dtype, silu=True)(h).reshape(h.shape[0], -1).astype(jnp.float32)
        last = nn.Dense(2 * self.num_variables * self.block_dim, kernel_init=self.kernel_init)
        mean, log_var = jnp.split(last(h), 2, axis=-1)
        shape = (x.shape[0], self.num_variables, self.block_dim)
        return mean.reshape(shape), log_var.reshape(shape) + self.initial_log_var


def style_encoder(style_dim: int, *sizes, dtype: jnp.dtype) -> Encoder:
    """q(s | x, z) as an `Encoder` of one block; it starts as the prior N(0, I), so that the draft uses z first."""
    return Encoder(1, style_dim, *sizes, dtype, initial_log_var=0.0, kernel_init=nn.initializers.zeros)


def sample_gaussian(mean: jax.Array, log_var: jax.Array, noise: jax.Array) -> jax.Array:
    """A sample of N(mean, exp(log_var)), from standard normal noise of the same shape (reparameterisation)."""
    return mean + jnp.exp(0.5 * log_var) * noise
