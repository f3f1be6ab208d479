"""The structural causal model over latent blocks (arXiv 2404.17735, section 4).

    additive:  z_i = f_i(z_pa(i)) + u_i
    scaled:    z_i = f_i(z_pa(i)) + exp(s_i) u_i               noise of a size of its own (ours)
    affine:    z_i = f_i(z_pa(i)) + exp(s_i(z_pa(i))) u_i      noise whose size depends on the parents (ours)
    spline:    z_i = f_i(z_pa(i)) + exp(s_i(z_pa(i))) T(u_i; z_pa(i))     noise of any form (ours)
    one_hop:   z_i = f_i(u_pa(i)) + u_i                        as in the released code, for comparison

f_i, s_i and the knots of T, an increasing spline, see their parents' z, not their u, so that an effect travels along
every path of the graph; with "one_hop" it stops at the children. Far from 0 T is the identity, so that unusual values
still follow their parents. With "spline" f_i, s_i and T are the same for all dimensions of a block, so that the
code of a number, which is the number in each, stays one.

An effect that is a class (its mechanism in the graph is CLASS) follows its parents by p(class | z_pa(i)) =
softmax(logits_i(z_pa(i))). It has no u_i in the sense above: as for a root, u_i = z_i is what the encoder reads, near
the code of a class (`prior`), with a root's terms (2) and (3) of the objective. Its noise is the Gumbel noise of
`classes`. Under do() this is abducted from the factual parents and the factual class: the label if it is known, else
the class whose code is nearest to u_i. If the class stays, z_i stays bitwise as it was read; if it changes, z_i becomes
the code of the new class. So the class changes only if its causes push it. The noise is a fixed function of all of u,
picked by a key (KEY and the variable's index): the same image under the same do() has the same classes. Undoing a do()
from the image that it made need not restore a class, since the new class tells less of the noise than the old one did.
"""

from typing import NamedTuple

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from cdae_jax.graph import AUTO, CausalGraph
from cdae_jax.model.classes import class_under, noise_of
from cdae_jax.model.prior import codes_of, nearest
from cdae_jax.model.spline import Spline, spline_of

MECHANISMS = ("additive", "scaled", "affine", "spline", "one_hop")
MAX_LOG_SCALE = 3.0  # |s_i| stays below: neither direction overflows, and effects without noise keep a little
BINS = 8  # of a spline
KEY = 2019  # of the noise of classes


class Intervention(NamedTuple):
    """do(z_i = value_i wherever mask_i), for each sample by itself; with a strength z_i goes only part of the way."""

    mask: jax.Array  # [B, n] bool
    value: jax.Array  # [B, n, k], read only where mask holds
    strength: jax.Array | None = None  # [n] in 0..1, how far z_i goes from what its mechanism says to value_i; None: 1

    def set(self, i: int, left: jax.Array) -> jax.Array:
        """z_i [B, k] under do, from `left` [B, k], the z_i without intervening on it."""
        value = self.value[:, i]
        if self.strength is not None:
            value = self.strength[i] * value + (1 - self.strength[i]) * left
        return jnp.where(self.mask[:, i, None], value, left)


class Conditional(NamedTuple):
    """How variables follow their noise, given their parents: z = shift + exp(log_scale) T(u).

    shift and log_scale are [B, n, k], or [B, k] of one variable, or the scalar 0 of a root; T is a spline with knots
    [B, n, 1, bins + 1], or [B, 1, bins + 1] of one variable, or None for the identity.
    """

    shift: jax.Array
    log_scale: jax.Array
    spline: Spline | None = None

    def z_of(self, u: jax.Array) -> tuple[jax.Array, jax.Array]:
        """z of u, and log dz/du, elementwise."""
        t, log_slope = (u, 0.0) if self.spline is None else self.spline.forward(u)
        return self.shift + jnp.exp(self.log_scale) * t, self.log_scale + log_slope

    def u_of(self, z: jax.Array) -> tuple[jax.Array, jax.Array]:
        """u of z, exactly, and log dz/du there."""
        t = (z - self.shift) * jnp.exp(-self.log_scale)
        u, log_slope = (t, 0.0) if self.spline is None else self.spline.inverse(t)
        return u, self.log_scale + log_slope


class Mechanism(nn.Module):
    """f_i, s_i and T: an MLP of two hidden layers on the concatenated blocks of the parents; kind one of MECHANISMS."""

    block_dim: int
    hidden: int
    kind: str

    @nn.compact
    def __call__(self, z_parents: jax.Array) -> Conditional:
        """[B, parents * k] -> how the variable [B, k] follows its own noise."""
        h = nn.gelu(nn.Dense(self.hidden)(z_parents))
        h = nn.gelu(nn.Dense(self.hidden)(h))
        shape = (*z_parents.shape[:-1], self.block_dim)
        shift = nn.Dense(1 if self.kind == "spline" else self.block_dim)(h)
        zeros = nn.initializers.zeros
        if self.kind in ("affine", "spline"):
            raw = nn.Dense(shift.shape[-1], kernel_init=zeros)(h)
        elif self.kind == "scaled":
            raw = 10 * self.param("log_scale", zeros, (1,))  # learns as fast as what a network says
        else:
            return Conditional(shift, jnp.zeros(shape))
        log_scale = jnp.broadcast_to(MAX_LOG_SCALE * jnp.tanh(raw / MAX_LOG_SCALE), shape)
        bent = spline_of(nn.Dense(3 * BINS - 1, kernel_init=zeros)(h)[..., None, :]) if self.kind == "spline" else None
        return Conditional(jnp.broadcast_to(shift, shape), log_scale, bent)


class Logits(nn.Module):
    """[B, parents * k] -> [B, classes]: an MLP of two hidden layers, like `Mechanism`."""

    classes: int
    hidden: int

    @nn.compact
    def __call__(self, z_parents: jax.Array) -> jax.Array:
        h = nn.gelu(nn.Dense(self.hidden)(z_parents))
        h = nn.gelu(nn.Dense(self.hidden)(h))
        return nn.Dense(self.classes)(h)


class StructuralCausalModel(nn.Module):
    """A `Mechanism` for each of the graph's n variables that has parents, z_i = u_i for the others; k is block_dim.
    An effect that is a class has `Logits` instead.

    kind, one of MECHANISMS or "auto", holds for the variables for which the graph names no mechanism.
    """

    graph: CausalGraph
    block_dim: int
    hidden: int
    kind: str = "additive"

    def setup(self):
        effects = [i for i, parents in enumerate(self.graph.parents) if parents]
        self.mechanisms = {
            self.graph.names[i]: Logits(self.graph.variables[i].classes, self.hidden)
            if i in self.graph.class_effects
            else Mechanism(self.block_dim, self.hidden, self.kind_of(i))
            for i in effects
        }

    def kind_of(self, i: int) -> str:
        """The kind of a variable's mechanism: the graph's choice, else the model's; the largest for "auto"."""
        kind = self.graph.variables[i].mechanism or self.kind
        return "spline" if kind == AUTO else kind

    def mechanism(self, i: int, causes: dict[int, jax.Array]) -> Conditional:
        """How z_i [B, k] follows u_i, given the parents' blocks; z_i = u_i without parents, and for a class."""
        if not self.graph.parents[i] or i in self.graph.class_effects:
            return Conditional(jnp.zeros(()), jnp.zeros(()))
        return self._of_parents(i, causes)

    def _of_parents(self, i: int, causes: dict[int, jax.Array]):
        parents = [causes[p] for p in self.graph.parents[i]]
        return self.mechanisms[self.graph.names[i]](jnp.concatenate(parents, -1))

    def logits(self, z: jax.Array, u: jax.Array) -> dict[int, jax.Array]:
        """Log odds [B, classes] of every effect that is a class, given the parents in z and u [B, n, k]."""
        seen = u if self.kind == "one_hop" else z
        return {i: self._of_parents(i, dict(enumerate(seen.swapaxes(0, 1)))) for i in self.graph.class_effects}

    def __call__(self, u: jax.Array, do: Intervention | None = None, key: jax.Array | None = None) -> jax.Array:
        """Ancestral propagation: u [B, n, k] -> z [B, n, k]; an intervened z_i is cut from its parents.

        With a key effects that are classes are drawn afresh, given their parents' z, instead of following u.
        """
        chex.assert_shape(u, (None, len(self.graph), self.block_dim))
        if do is not None:
            chex.assert_shape([do.mask, do.value], [u.shape[:2], u.shape])
        blocks: dict[int, jax.Array] = {}
        causes: dict[int, jax.Array] = {}  # what the children see
        before = {} if do is None or not self.graph.class_effects else self.logits(self(u), u)
        for i in self.graph.order:
            (block, _), cause = self.mechanism(i, causes).z_of(u[:, i]), u[:, i]
            if i in self.graph.class_effects:
                block = self._class_block(i, u, before.get(i), self._of_parents(i, causes), do, key)
                cause = cause if key is None else block
            if do is not None:
                block, cause = do.set(i, block), do.set(i, cause)
            blocks[i], causes[i] = block, cause if self.kind == "one_hop" else block
        return jnp.stack([blocks[i] for i in range(len(self.graph))], axis=1)

    def _class_block(self, i: int, u, before, after, do: Intervention | None, key) -> jax.Array:
        """z_i [B, k] of a class, given its log odds [B, classes] without do, which may be None, and with it."""
        codes = codes_of(self.graph.variables[i], self.block_dim)
        read = found = nearest(codes, u[:, i])
        if key is not None:
            noise = jax.random.gumbel(jax.random.fold_in(key, i), after.shape)
            found = jnp.argmax(after + noise, -1).astype(read.dtype)
        elif do is not None:
            noise = noise_of(u.reshape(u.shape[0], -1), jax.random.fold_in(jax.random.key(KEY), i), after.shape[-1])
            is_touched = (do.mask & self.graph.ancestor_matrix[None, i]).any(1)
            found = jnp.where(is_touched, class_under(before, after, read, noise), read)
        return jnp.where((found == read)[:, None], u[:, i], codes[found])

    def conditionals(self, z: jax.Array) -> Conditional:
        """How every z_i follows u_i, given the parents in z [B, n, k].

        The log determinant of the propagation's Jacobian is the sum of the log slopes.
        """
        chex.assert_shape(z, (None, len(self.graph), self.block_dim))
        found: dict[int, Conditional] = {}
        causes: dict[int, jax.Array] = {}
        for i in self.graph.order:
            found[i] = self.mechanism(i, causes)
            causes[i] = found[i].u_of(z[:, i])[0] if self.kind == "one_hop" else z[:, i]
        like = z[:, 0]
        has_spline = any(one.spline is not None for one in found.values())
        straight = spline_of(jnp.zeros((z.shape[0], 1, 3 * BINS - 1))) if has_spline else None

        def filled(one: Conditional) -> Conditional:
            numbers = (jnp.broadcast_to(part, like.shape) for part in one[:2])
            return Conditional(*numbers, straight if one.spline is None else one.spline)

        every = [filled(found[i]) for i in range(len(self.graph))]
        return jax.tree.map(lambda *parts: jnp.stack(parts, axis=1), *every)

    def abduct(self, z: jax.Array) -> jax.Array:
        """The exact inverse of the propagation: u_i = T^-1(exp(-s_i) (z_i - f_i)), [B, n, k] -> [B, n, k]."""
        return self.conditionals(z).u_of(z)[0]

    def class_misfits(self, z: jax.Array, code: jax.Array) -> dict[int, jax.Array]:
        """-log p(class | z_pa(i)) [B], the cross-entropy, of every effect that is a class, given the parents in z and
        the class in code, both [B, n, k]."""
        found = {}
        for i, logits in self.logits(z, self.abduct(z)).items():
            known = nearest(codes_of(self.graph.variables[i], self.block_dim), code[:, i])
            found[i] = optax.softmax_cross_entropy_with_integer_labels(logits, known)
        return found
