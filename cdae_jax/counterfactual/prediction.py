"""The third step of a counterfactual (arXiv 2404.17735, section 4, algorithm 2): from latents under do to images."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from cdae_jax.counterfactual.repairs import missing_labels, restore
from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.diffusion.guidance import guide
from cdae_jax.diffusion.process import q_sample
from cdae_jax.diffusion.solvers import SOLVERS
from cdae_jax.model.network import Network


class Asking(NamedTuple):
    """Self-correction: how often, and by what, a made image is asked for what it lacks.

    read: images -> standardised labels [B, n]; may_correct: [B] bool, see `repairs.missing_labels`; times: how many
    self-corrections; is_any_known: whether labels of the factual images are known, so that it can be told by how much
    theirs are read too high: the made images' will be again.
    """

    read: Callable[[jax.Array], jax.Array]
    may_correct: jax.Array
    times: int | jax.Array
    is_any_known: bool | jax.Array


def predict(net: Network, x, z, z_cf, context, t, key, sampling: Sampling, asking: Asking | None = None) -> jax.Array:
    """3. Prediction: images [B, H, W, C] in [-1, 1] of latents z_cf under do that keep what z does not explain of x.

    Passes of one loop, so that the decoder, the draft and what reads an image are compiled once for all of them:

        0      x_T of x under z, by inversion or by noise; x is read, if labels of it are known
        1      x_rec of x_T under z, which is restored by (abduction "restore" alone)
        then   x_cf of x_T under z_cf; with `asking`, times + 1 of them, each of z_cf + m(y) - m(y_cf), where y starts
               at y_cf and grows by the `missing_labels` of the image before

    z and z_cf are [B, n, k], and the other arguments as for `algorithm.counterfactual`; net has the style of x.
    """
    diffuses, shape = net.decoder.diffuses, x.shape[1:]
    restores = diffuses and sampling.abduction == "restore"
    before, y_cf = 1 + restores, net.labels_of(z_cf)

    def noise_of(r_0):
        eps = jax.random.normal(key, x.shape, x.dtype)
        return q_sample(net.schedule, r_0, eps, jnp.full(x.shape[:1], t[-1]))

    def pass_through(i, z, draft, x_T):
        """x_T in pass 0, and r_0 of x_T in others."""
        r_0 = net.remainder(x, draft)
        start = jnp.where(i == 0, r_0, x_T)
        eps_fn = guided(net, z, context, draft, sampling.guidance, but=i == 0)

        def solved():
            return SOLVERS[sampling.solver](eps_fn, net.schedule, start, t, to_noise=i == 0)

        return solved() if sampling.abduction != "noise" else jax.lax.cond(i == 0, lambda: noise_of(r_0), solved)

    def make(i, carry):
        y, made, x_T, x_rec, misread = carry
        is_made = i >= before
        wanted = z_cf if asking is None else z_cf + net.codes(y) - net.codes(y_cf)
        latents = jnp.where(is_made, wanted, z)
        draft = net.draft(latents, context, shape)
        r = pass_through(i, latents, draft, x_T) if diffuses else jnp.zeros_like(x)
        made = net.image(r, draft)
        if diffuses:
            x_T = jnp.where(i == 0, r, x_T)
        if restores:
            x_rec = jnp.where(i == 1, made, x_rec)
            made = jnp.clip(restore(x, x_rec, made), -1, 1)
        if asking is not None:
            is_read = jnp.where(is_made, i < before + asking.times, (i == 0) & asking.is_any_known)
            found = jax.lax.cond(is_read, asking.read, lambda _: y_cf, jnp.where(is_made, made, x))
            misread = jnp.where(is_read & ~is_made, found - net.labels_of(z), misread)
            missing = missing_labels(net.graph, found, y_cf + misread, asking.may_correct)
            y = jnp.where(is_read & is_made, y + missing, y)
        return y, made, x_T, x_rec, misread

    first = 0 if diffuses or asking is not None else before
    times = 0 if asking is None else asking.times
    return jax.lax.fori_loop(first, before + times + 1, make, (y_cf, x, x, x, jnp.zeros_like(y_cf)))[1]


def guided(net: Network, z, context, draft, guidance: float, but: jax.Array | None = None):
    """The decoder under z [B, n, k] and its draft with guidance w, as a function eps_fn(r_t, t); without it where
    `but`, a scalar that may be traced, is true."""
    plain = net.eps_fn(z, context, draft)
    strong = guide(plain, net.eps_fn(z, context, draft, null=True), guidance)
    if guidance == 1 or but is None:
        return strong
    return lambda r_t, t: jax.lax.cond(but, plain, strong, r_t, t)
