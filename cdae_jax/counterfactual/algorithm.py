"""Counterfactual images: abduction, action, prediction (arXiv 2404.17735, section 4, algorithm 2)."""

import functools
import math
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from cdae_jax.counterfactual.label_fit import FARTHEST, fit_labels
from cdae_jax.counterfactual.prediction import Asking, guided, predict
from cdae_jax.counterfactual.readout import Readout, move
from cdae_jax.counterfactual.repairs import numbers, sets_causes
from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.data.freedom import LITTLE
from cdae_jax.diffusion.process import q_sample
from cdae_jax.diffusion.solvers import SOLVERS
from cdae_jax.model.network import Network
from cdae_jax.model.scm import Intervention

NUM_CAUSES = 256  # labels of causes, drawn from N(0, 1), of which mechanisms are asked what they leave open


class Counterfactual(NamedTuple):
    """x: [B, H, W, C] in [-1, 1], clipped; u, z, z_cf: [B, n, k] latents abducted and under do."""

    x: jax.Array
    u: jax.Array
    z: jax.Array
    z_cf: jax.Array


@functools.partial(jax.jit, static_argnames="sampling")
def counterfactual(
    net: Network,
    x: jax.Array,
    y_do: jax.Array,
    context: jax.Array,
    t: jax.Array,
    key: jax.Array,
    sampling: Sampling,
    readout: Readout | None = None,
    strength: jax.Array | None = None,
    y: jax.Array | None = None,
    corrections: jax.Array | None = None,
) -> Counterfactual:
    """What the images x [B, H, W, C] in [-1, 1] would look like under do(S = values).

    y_do [B, n] are the standardised labels to set, NaN where a variable is left to follow its parents, and y [B, n]
    those of x that are known, NaN where the encoder's reading is all there is; context [B] int32 is num_classes where
    unknown. x is inverted or noised to the last of the diffusion steps t [N] int32 of `grids.time_grid`, of the depth
    and number of `sampling`, one network evaluation each in either direction; key is used by abduction="noise" alone.
    strength [n] in 0..1 is how much of each change is made, None for all of it; corrections, a whole number, is how
    many self-corrections are made where `sampling` has any, None for as many as it says. With a readout labels are set
    by its directions (DiffAE, a baseline), without one latents are set and propagated.
    """
    chex.assert_rank(x, 4)
    chex.assert_shape([y_do, context], [(x.shape[0], len(net.graph)), (x.shape[0],)])
    u, z = abduct(net, x, context, sampling.fit_steps, y, readout)
    z_cf = act(net, u, z, y_do, readout, strength)
    net = net.with_style_of(x, z)
    asking = None
    if sampling.corrections and sampling.guidance == 1 and readout is None:

        def labels_in(image):
            return net.labels_of(abduct(net, image, context, sampling.fit_steps, looks_far=False)[1])

        may_correct = sets_causes(net.graph, y_do) & ~breaks_mechanism(net, z)
        times = sampling.corrections if corrections is None else corrections
        asking = Asking(labels_in, may_correct, times, False if y is None else jnp.isfinite(y).any())
    return Counterfactual(predict(net, x, z, z_cf, context, t, key, sampling, asking), u, z, z_cf)


@functools.partial(jax.jit, static_argnames="fit_steps")
def latents(net: Network, x, y_do, context, readout: Readout | None = None, y=None, strength=None, *, fit_steps=0):
    """u, z and z under do, each [B, n, k], without decoding an image; arguments as for `counterfactual`."""
    u, z = abduct(net, x, context, fit_steps, y, readout)
    return u, z, act(net, u, z, y_do, readout, strength)


def abduct(net: Network, x, context, fit_steps: int = 0, y=None, readout: Readout | None = None, looks_far=True):
    """1. Abduction of the latents: u = mean of q(u | x), z = f(u), each [B, n, k].

    A label that is known, y_i, or fitted to x, takes the place of the one that the encoder reads: z_i moves by the
    difference of their codes (to the code, if it is of another class); the other z_j stay as read, and every u follows
    from all of z. So what an effect owes to its causes is judged by the labels of both where they are known, and a
    cause that is read keeps its own reading whatever is known of its effects. With looks_far, the fit looks far from
    what the encoder reads for labels that their causes imply.
    """
    u, _ = net.encode(x)
    z = net.propagate(u)
    if y is not None and readout is not None:
        return u, move(readout, z, y)
    if y is None and not fit_steps:
        return u, z
    read = net.labels_of(z)
    is_known = jnp.zeros(read.shape, bool) if y is None else jnp.isfinite(y)
    known = read if y is None else jnp.where(is_known, y, read)

    is_class = jnp.asarray([var.kind == "categorical" for var in net.graph.variables])

    def moved(labels):
        is_other = (is_class[None] & (labels != read))[..., None]
        return jnp.where(is_other, 0, z - net.codes(read)) + net.codes(labels)

    styled = net.with_style_of(x, z)

    def draft(labels):
        return styled.draft(moved(labels), context, x.shape[1:]).reshape(read.shape[0], -1)

    if fit_steps:
        movable = numbers(net.graph)[None] & ~is_known
        implied = movable & is_implied(net)[None] & looks_far
        flat = x.reshape(read.shape[0], -1)
        known = fit_labels(draft, flat, known, movable, implied, net.model.prior_sd, fit_steps)
    u = net.abduct(moved(known))
    return u, net.propagate(u)


def is_implied(net: Network) -> jax.Array:
    """[n] bool: the variables of which their causes leave next to nothing open: of half of the labels that causes may
    have, or more, a unit of u_i moves z_i by less than LITTLE.

    It is asked of no image: a mechanism may leave nothing open of some (the brightest, say) that the encoder, which
    has learned from all, reads well.
    """
    y = jax.random.normal(jax.random.key(0), (NUM_CAUSES, len(net.graph)))
    z = net.codes(y)
    _, log_slope = net.conditionals(z).z_of(jnp.zeros_like(z))
    return jnp.median(jnp.broadcast_to(log_slope, z.shape).mean(-1), axis=0) < math.log(LITTLE)


def breaks_mechanism(net: Network, z: jax.Array) -> jax.Array:
    """[B] bool: the images in whose z [B, n, k] an implied label is farther from what its causes imply than a fit moves
    a label that is read from these."""
    expected, _ = net.conditionals(z).z_of(jnp.zeros_like(z))
    gap = jnp.abs(net.labels_of(z) - net.labels_of(expected))
    return (is_implied(net)[None] & (gap > FARTHEST * net.model.prior_sd)).any(1)


def act(net: Network, u, z, y_do, readout: Readout | None = None, strength: jax.Array | None = None) -> jax.Array:
    """2. Action: z_i := m_i(value) wherever y_do [B, n] is set; every other z_i from its parents and its own u_i.

    Returns z under do [B, n, k]. With a strength w, [n] in 0..1, z_i := (1 - w) z_i + w m_i(value) where it is set.
    """
    if readout is not None:
        return move(readout, z, y_do, strength)
    is_set = jnp.isfinite(y_do)
    return net.propagate(u, Intervention(is_set, net.codes(jnp.where(is_set, y_do, 0)), strength))


@functools.partial(jax.jit, static_argnames="solver")
def invert(net: Network, x, z, context, t, solver: str) -> jax.Array:
    """1. Abduction of x_T [B, H, W, C], the noise of `Network.remainder`: what z [B, n, k] does not explain of images x
    [B, H, W, C]."""
    net = net if net.style is not None else net.with_style_of(x, z)
    draft = net.draft(z, context, x.shape[1:])
    return SOLVERS[solver](net.eps_fn(z, context, draft), net.schedule, net.remainder(x, draft), t, to_noise=True)


@functools.partial(jax.jit, static_argnames=("shape", "sampling"))
def sample(net: Network, z, context, t, key, *, shape: tuple[int, int, int], sampling: Sampling) -> jax.Array:
    """Images [B, H, W, C] in [-1, 1] from latents z [B, n, k], fresh noise and fresh style, along the steps t [N].

    shape is (H, W, C). The noise is added to a remainder of 0, so that with a draft t need not reach the end of the
    diffusion time.
    """
    if net.model.style_dim:
        net = net.replace(style=jax.random.normal(jax.random.fold_in(key, 1), (z.shape[0], net.model.style_dim)))
    draft = net.draft(z, context, shape)
    if not net.decoder.diffuses:
        return jnp.clip(draft, -1, 1)
    eps = jax.random.normal(key, (z.shape[0], *shape), z.dtype)
    x_T = q_sample(net.schedule, jnp.zeros_like(eps), eps, jnp.full(z.shape[:1], t[-1]))
    eps_fn = guided(net, z, context, draft, sampling.guidance)
    return net.image(SOLVERS[sampling.solver](eps_fn, net.schedule, x_T, t, to_noise=False), draft)
