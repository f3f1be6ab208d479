"""The structural causal model over latent blocks (arXiv 2404.17735, section 4).

    additive:  z_i = f_i(z_pa(i)) + u_i
    affine:    z_i = f_i(z_pa(i)) + exp(s_i(z_pa(i))) u_i      noise whose size depends on the parents (ours)
    one_hop:   z_i = f_i(u_pa(i)) + u_i                        as in the released code, for comparison

f_i and s_i see their parents' z, not their u, so that an effect travels along every path of the graph; with "one_hop"
it stops at the children.
"""

from typing import NamedTuple

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from cdae_jax.graph import CausalGraph

MECHANISMS = ("additive", "affine", "one_hop")
MAX_LOG_SCALE = 3.0  # |s_i| stays below, so that neither direction overflows


class Intervention(NamedTuple):
    """do(z_i = value_i wherever mask_i), for each sample by itself; soft with a strength, see there."""

    mask: jax.Array  # [B, n] bool
    value: jax.Array  # [B, n, k], read only where mask holds
    strength: jax.Array | None = None  # [n] in 0..1, how far z_i goes from what its mechanism says to value_i; None: 1

    def set(self, i: int, left: jax.Array) -> jax.Array:
        """z_i [B, k] under do, of the one [B, k] that would be left alone."""
        value = self.value[:, i]
        if self.strength is not None:
            value = self.strength[i] * value + (1 - self.strength[i]) * left
        return jnp.where(self.mask[:, i, None], value, left)


class Mechanism(nn.Module):
    """f_i and s_i: an MLP of two hidden layers on the concatenated blocks of the parents; kind is one of MECHANISMS."""

    block_dim: int
    hidden: int
    kind: str

    @nn.compact
    def __call__(self, z_parents: jax.Array) -> tuple[jax.Array, jax.Array]:
        """[B, parents * k] -> shift f_i and log scale s_i, each [B, k]; s_i is 0 unless "affine"."""
        h = nn.gelu(nn.Dense(self.hidden)(z_parents))
        h = nn.gelu(nn.Dense(self.hidden)(h))
        shift = nn.Dense(self.block_dim)(h)
        if self.kind != "affine":
            return shift, jnp.zeros_like(shift)
        raw = nn.Dense(self.block_dim, kernel_init=nn.initializers.zeros)(h)
        return shift, MAX_LOG_SCALE * jnp.tanh(raw / MAX_LOG_SCALE)


class StructuralCausalModel(nn.Module):
    """A `Mechanism` for each of the graph's n variables that has parents, z_i = u_i for the others; k is block_dim."""

    graph: CausalGraph
    block_dim: int
    hidden: int
    kind: str = "additive"

    def setup(self):
        effects = [var.name for var in self.graph.variables if var.parents]
        self.mechanisms = {name: Mechanism(self.block_dim, self.hidden, self.kind) for name in effects}

    def mechanism(self, i: int, causes: dict[int, jax.Array]) -> tuple[jax.Array, jax.Array]:
        """Shift and log scale of z_i, each [B, k], from the parents' blocks; 0 without parents."""
        if not self.graph.parents[i]:
            return jnp.zeros(()), jnp.zeros(())
        parents = [causes[p] for p in self.graph.parents[i]]
        return self.mechanisms[self.graph.names[i]](jnp.concatenate(parents, -1))

    def __call__(self, u: jax.Array, do: Intervention | None = None) -> jax.Array:
        """Ancestral propagation: u [B, n, k] -> z [B, n, k]; an intervened z_i is cut from its parents."""
        chex.assert_shape(u, (None, len(self.graph), self.block_dim))
        if do is not None:
            chex.assert_shape([do.mask, do.value], [u.shape[:2], u.shape])
        blocks: dict[int, jax.Array] = {}
        causes: dict[int, jax.Array] = {}  # what the children see
        for i in self.graph.order:
            shift, log_scale = self.mechanism(i, causes)
            block, cause = shift + jnp.exp(log_scale) * u[:, i], u[:, i]
            if do is not None:
                block, cause = do.set(i, block), do.set(i, cause)
            blocks[i], causes[i] = block, cause if self.kind == "one_hop" else block
        return jnp.stack([blocks[i] for i in range(len(self.graph))], axis=1)

    def conditionals(self, z: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Shift and log scale, each [B, n, k], of every z_i given the parents in z [B, n, k]; 0 without parents.

        The log determinant of the propagation's Jacobian is the sum of the log scales.
        """
        chex.assert_shape(z, (None, len(self.graph), self.block_dim))
        shifts, log_scales = jnp.zeros_like(z), jnp.zeros_like(z)
        causes: dict[int, jax.Array] = {}
        for i in self.graph.order:
            shift, log_scale = self.mechanism(i, causes)
            causes[i] = (z[:, i] - shift) * jnp.exp(-log_scale) if self.kind == "one_hop" else z[:, i]
            shifts, log_scales = shifts.at[:, i].set(shift), log_scales.at[:, i].set(log_scale)
        return shifts, log_scales

    def abduct(self, z: jax.Array) -> jax.Array:
        """The exact inverse of the propagation: u_i = exp(-s_i) (z_i - f_i), [B, n, k] -> [B, n, k]."""
        shift, log_scale = self.conditionals(z)
        return (z - shift) * jnp.exp(-log_scale)
