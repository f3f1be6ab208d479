"""The encoder q(u | x): an image to the exogenous noise of every causal variable."""

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

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """x [B, H, W, C] in [-1, 1] -> mean and log variance of u, each [B, n, k]."""
        h = Conv(self.channels, dtype=self.dtype)(space_to_depth(x, self.patch))
        for level, multiplier in enumerate(self.multipliers):
            if level:
                h = Conv(self.channels * multiplier, stride=2, dtype=self.dtype)(h)
            h = ResBlock(self.channels * multiplier, self.dtype)(h)
        # Flattened, not pooled: where things are matters.
        h = nn.silu(GroupNorm(self.dtype)(h)).reshape(h.shape[0], -1).astype(jnp.float32)
        mean, log_var = jnp.split(nn.Dense(2 * self.num_variables * self.block_dim)(h), 2, axis=-1)
        shape = (x.shape[0], self.num_variables, self.block_dim)
        return mean.reshape(shape), log_var.reshape(shape) + INITIAL_LOG_VAR


def sample_gaussian(mean: jax.Array, log_var: jax.Array, noise: jax.Array) -> jax.Array:
    """The sample of N(mean, exp(log_var)) that standard normal noise of the same shape makes."""
    return mean + jnp.exp(0.5 * log_var) * noise
