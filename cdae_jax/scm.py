"""The structural causal model over latent blocks: z_i = f_i(z_pa(i)) + u_i (arXiv 2404.17735, section 4).

f_i sees its parents' z, not their u, so that an effect travels along every path of the graph.
"""

from typing import NamedTuple

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from cdae_jax.graph import CausalGraph


class Intervention(NamedTuple):
    """do(z_i = value_i wherever mask_i), for each sample by itself.

    mask: [B, n] bool; value: [B, n, k], read only where mask holds.
    """

    mask: jax.Array
    value: jax.Array


class Mechanism(nn.Module):
    """f_i: an MLP on the concatenated blocks of the parents."""

    block_dim: int
    hidden: int

    @nn.compact
    def __call__(self, z_parents: jax.Array) -> jax.Array:
        """[B, parents * k] -> [B, k]."""
        h = nn.gelu(nn.Dense(self.hidden)(z_parents))
        h = nn.gelu(nn.Dense(self.hidden)(h))
        return nn.Dense(self.block_dim)(h)


class StructuralCausalModel(nn.Module):
    """One mechanism for every variable that has parents.

    Attributes:
      graph: n variables.
      block_dim: k.
      hidden: width of the two hidden layers of each f_i.
    """

    graph: CausalGraph
    block_dim: int
    hidden: int

    def setup(self):
        self.mechanisms = {
            name: Mechanism(self.block_dim, self.hidden)
            for name, parents in zip(self.graph.names, self.graph.parents, strict=True)
            if parents
        }

    def mechanism(self, i: int, blocks: dict[int, jax.Array]) -> jax.Array:
        """f_i of the parents' blocks, each [B, k] -> [B, k]."""
        parents = [blocks[p] for p in self.graph.parents[i]]
        return self.mechanisms[self.graph.names[i]](jnp.concatenate(parents, -1))

    def __call__(self, u: jax.Array, do: Intervention | None = None) -> jax.Array:
        """Ancestral propagation: u [B, n, k] -> z [B, n, k]; an intervened z_i is cut from its parents."""
        chex.assert_shape(u, (None, len(self.graph), self.block_dim))
        if do is not None:
            chex.assert_shape([do.mask, do.value], [u.shape[:2], u.shape])
        blocks: dict[int, jax.Array] = {}
        for i in self.graph.order:
            block = u[:, i]
            if self.graph.parents[i]:
                block = block + self.mechanism(i, blocks)
            if do is not None:
                block = jnp.where(do.mask[:, i, None], do.value[:, i], block)
            blocks[i] = block
        return jnp.stack([blocks[i] for i in range(len(self.graph))], axis=1)

    def abduct(self, z: jax.Array) -> jax.Array:
        """The exact inverse of the propagation: u_i = z_i - f_i(z_pa(i)), [B, n, k] -> [B, n, k]."""
        chex.assert_shape(z, (None, len(self.graph), self.block_dim))
        blocks = {i: z[:, i] for i in range(len(self.graph))}
        noise = [
            blocks[i] - self.mechanism(i, blocks) if self.graph.parents[i] else blocks[i]
            for i in range(len(self.graph))
        ]
        return jnp.stack(noise, axis=1)
