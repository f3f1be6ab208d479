"""Counterfactual images: abduction, action, prediction (arXiv 2404.17735, section 4, algorithm 2).

1. abduction   u = mean of q(u | x), z = scm(u), perhaps fitted to x (`abduct`), x_T = the noise from which the
               decoder makes x given z
               (a refiner's: the noise of what its draft leaves, see `invert`); perhaps what that loses, see `restore`
2. action      z_i := the prior mean of the wanted label, for every intervened variable (or part of the way there)
3. prediction  every other z_i from its (changed) parents and its own u_i; the decoder makes x_cf from (x_T, z_cf);
               perhaps z_cf is moved by what the encoder misses in x_cf, and decoded again, see `missing`
"""

import functools
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from cdae_jax.counterfactual.label_fit import fit
from cdae_jax.counterfactual.readout import Readout, move
from cdae_jax.diffusion.bdia import Pair
from cdae_jax.diffusion.ddim import nodes
from cdae_jax.diffusion.guidance import Strength, grade, guide, mix
from cdae_jax.diffusion.process import Schedule, q_sample
from cdae_jax.diffusion.solvers import SOLVERS
from cdae_jax.model.causal_diffae import CausalDiffAE, draft_of, labels_of, make_eps_fn
from cdae_jax.model.scm import Intervention

ABDUCTIONS = ("invert", "restore", "noise")
RESTORE_SD = 0.25  # on the scale -1..1: a pixel that changes by much more gets nothing back
MAX_MISSING = 0.5  # standard deviations of a label: by no more is a latent moved at once


class Counterfactual(NamedTuple):
    """x: [B, H, W, C] in [-1, 1], clipped; u, z, z_cf: [B, n, k] latents abducted and under do."""

    x: jax.Array
    u: jax.Array
    z: jax.Array
    z_cf: jax.Array


def guided(model, params, schedule, z, context, image_shape, guidance):
    """The decoder under z [B, n, k] with guidance w, as a function eps_fn(x_t, t)."""
    conditional = make_eps_fn(model, params, schedule, z, context, image_shape)
    return guide(conditional, make_eps_fn(model, params, schedule, z, context, image_shape, null=True), guidance)


def numbers(model: CausalDiffAE) -> jax.Array:
    """[n] bool: the variables that are no classes."""
    return jnp.asarray([not var.classes for var in model.graph.variables])


def abduct(model: CausalDiffAE, params, x: jax.Array, context: jax.Array, fit_steps: int = 0):
    """u and z, each [B, n, k], of images [B, H, W, C]; context and fit_steps as for `counterfactual`."""
    u, _ = model.apply(params, x, method="encode")
    z = model.apply(params, u, method="propagate")
    if not fit_steps:
        return u, z
    y = labels_of(model, params, z)
    code, _ = model.apply(params, y, method="prior_of")

    def moved(fitted):
        return z + model.apply(params, fitted, method="prior_of")[0] - code

    def draft(fitted):
        return draft_under(model, params, moved(fitted), context, x.shape[1:]).reshape(y.shape[0], -1)

    z = moved(fit(draft, x.reshape(y.shape[0], -1), y, numbers(model), model.prior_sd, fit_steps))
    return model.apply(params, z, method="abduct"), z


def act(
    model: CausalDiffAE,
    params,
    u: jax.Array,
    z: jax.Array,
    y_do: jax.Array,
    readout: Readout | None = None,
    part: jax.Array | None = None,
) -> jax.Array:
    """z under do [B, n, k], from what was abducted; part as in `guidance.Strength`, the others as for `counterfactual`.

    No image is decoded.
    """
    if readout is not None:
        return move(readout, z, y_do, part)
    set_mask = jnp.isfinite(y_do)
    wanted, _ = model.apply(params, jnp.where(set_mask, y_do, 0), method="prior_of")
    return model.apply(params, u, Intervention(set_mask, wanted, part), method="propagate")


@functools.partial(jax.jit, static_argnames=("model", "fit_steps"))
def latents(model: CausalDiffAE, params, x, y_do, context, readout: Readout | None = None, *, fit_steps: int = 0):
    """u, z and z under do, each [B, n, k]; arguments as for `counterfactual`."""
    u, z = abduct(model, params, x, context, fit_steps)
    return u, z, act(model, params, u, z, y_do, readout)


def one_by_one(model, params, u, z, y_do, readout, strength: Strength) -> list[jax.Array]:
    """z [B, n, k] under y_do without the variables in `strength.beyond`, with the first of them, ..., with all."""
    variables, num = jnp.arange(y_do.shape[1])[None], strength.beyond.shape[0]
    some = [jnp.where(jnp.isin(variables, strength.beyond[k:]), jnp.nan, y_do) for k in range(num + 1)]
    return [act(model, params, u, z, each, readout, strength.part) for each in some]


def shift(noise, image: jax.Array, schedule: Schedule, t):
    """x_T, or the solver's pair of states, if `image` [B, H, W, C] is added to what it is the noise of."""
    _, alpha_bar = nodes(schedule, t)

    def shifted(x_t, alpha_bar):
        return x_t + jnp.sqrt(alpha_bar) * image

    if isinstance(noise, Pair):
        return Pair(shifted(noise.x_T, alpha_bar[-1]), shifted(noise.before, alpha_bar[-2]))
    return shifted(noise, alpha_bar[-1])


def draft_under(model, params, z, context, image_shape) -> jax.Array:
    """A refiner's draft d(z) [B, H, W, C]; 0 for a decoder without drafts."""
    draft = draft_of(model, params, z, context, jnp.zeros(z.shape[:1], bool), image_shape)
    return jnp.zeros((z.shape[0], *image_shape)) if draft is None else draft


def invert(model: CausalDiffAE, params, schedule: Schedule, x, z, context, t, solver: str):
    """What z [B, n, k] does not explain of images x [B, H, W, C]: x_T, or the solver's pair of states.

    A refiner's x is its draft d(z) plus a remainder r, and its UNet sees the noisy r alone (`model.predict`): what z
    does not explain is r, and the noise is that of r. On the way x_t is the noisy r and sqrt(alpha_bar) d, so that at
    the end of the diffusion time it makes next to no difference; the shallower the inversion, the more.
    """
    encode, _ = SOLVERS[solver]
    x_T = encode(make_eps_fn(model, params, schedule, z, context, x.shape[1:]), schedule, x, t)
    return shift(x_T, -draft_under(model, params, z, context, x.shape[1:]), schedule, t)


def restore(x: jax.Array, x_rec: jax.Array, x_cf: jax.Array) -> jax.Array:
    """x_cf [B, H, W, C] with what the reconstruction x_rec of the factual x lost, where the intervention leaves it:

        x_cf + exp(-(x_cf - x_rec)^2 / (2 RESTORE_SD^2)) (x - x_rec)

    so that a null intervention, whose x_cf is x_rec, gives back x; all in [-1, 1]. (After the correction of the source
    in Direct Inversion, arXiv 2310.01506, but once, in the image, and by how much each pixel changes.)
    """
    return x_cf + jnp.exp(-0.5 * ((x_cf - x_rec) / RESTORE_SD) ** 2) * (x - x_rec)


def missing(model: CausalDiffAE, params, x_cf: jax.Array, y_cf: jax.Array, y_do: jax.Array) -> jax.Array:
    """How far the labels that the encoder reads from x_cf [B, H, W, C] are from those wanted, y_cf [B, n], of numbers.

    The encoder misreads an image of the same digit, say, in the same way before and after, so that asking for what is
    missing mends its errors too, not only the decoder's. It was not trained on images that break the mechanisms, so
    that where a variable with parents was set its reading is not asked for; nor where nothing was set. Standardised
    labels, at most MAX_MISSING.
    """
    u, _ = model.apply(params, x_cf, method="encode")
    gap = y_cf - labels_of(model, params, model.apply(params, u, method="propagate"))
    is_root = jnp.asarray([not parents for parents in model.graph.parents])
    is_set = jnp.isfinite(y_do)
    is_like_data = is_set.any(1, keepdims=True) & (is_root[None] | ~is_set).all(1, keepdims=True)
    return jnp.where(numbers(model)[None] & is_like_data, jnp.clip(gap, -MAX_MISSING, MAX_MISSING), 0)


@functools.partial(jax.jit, static_argnames=("model", "solver", "guidance", "abduction", "corrections", "fit_steps"))
def counterfactual(
    model: CausalDiffAE,
    params,
    schedule: Schedule,
    x: jax.Array,
    y_do: jax.Array,
    context: jax.Array,
    key: jax.Array,
    t: jax.Array,
    readout: Readout | None = None,
    strength: Strength | None = None,
    *,
    solver: str = "ddim",
    guidance: float = 1.0,
    abduction: str = "invert",
    corrections: int = 0,
    fit_steps: int = 0,
) -> Counterfactual:
    """What the images x would look like under do(S = values).

    Args:
      x: [B, H, W, C] in [-1, 1].
      y_do: [B, n] standardised labels to set, NaN where a variable is left to follow its parents.
      context: [B] int32; num_classes where unknown.
      key: used by abduction="noise" alone.
      t: [N] int32 diffusion steps of `grids.time_grid`, one network evaluation each in either direction; x is inverted
        or noised to the last of them.
      readout: None to set latents and propagate them; else labels are set by its directions (DiffAE, a baseline).
      strength: how much of each change is made, None for all of it as it is. A conv decoder exaggerates nothing.
      solver: one of `samplers.SOLVERS`.
      guidance: w of the decoding; the inversion is always plain conditional (w = 1).
      abduction: "invert" finds x_T deterministically (the solver backwards, which keeps the image's identity);
        "restore" does so and gives back what that loses (`restore`), for one more decoding, of the factual latents;
        "noise" adds fresh noise to x instead, as the released code does.
      corrections: how often z_cf is decoded, and moved by what the encoder misses in that (`missing`), before x_cf is.
        None is made under guidance other than 1, or by a readout; a strength above 1 exaggerates what was corrected.
      fit_steps: steps by which the labels that the encoder reads are fitted to x through the draft (`fit.fit`), before
        anything else; for a decoder with drafts ("refiner" or "conv") and no readout.
    """
    chex.assert_rank(x, 4)
    chex.assert_shape([y_do, context], [(x.shape[0], len(model.graph)), (x.shape[0],)])
    u, z = abduct(model, params, x, context, fit_steps)
    z_cf = act(model, params, u, z, y_do, readout, None if strength is None else strength.part)
    zs = [z_cf] if strength is None else one_by_one(model, params, u, z, y_do, readout, strength)
    if model.decoder == "conv":  # no noise to abduct, and nothing exaggerated

        def decoded(zs):
            return jnp.clip(model.apply(params, zs[-1], context, x.shape[1:], method="decode"), -1, 1)
    else:
        decoded = decoder_from(model, params, schedule, x, z, context, key, t, strength, solver, guidance, abduction)

    if corrections and guidance == 1 and readout is None:
        y_cf = asked = labels_of(model, params, z_cf)
        code, _ = model.apply(params, y_cf, method="prior_of")
        more = jnp.zeros_like(z_cf)
        for _ in range(corrections):
            asked = asked + missing(model, params, decoded([z_cf + more]), y_cf, y_do)
            more = model.apply(params, asked, method="prior_of")[0] - code
        without, within = (zs[:1], zs[1:]) if len(zs) > 1 else ([], zs)  # what is exaggerated
        zs = [*without, *(each + more for each in within)]
    return Counterfactual(decoded(zs), u, z, z_cf)


def decoder_from(model, params, schedule, x, z, context, key, t, strength, solver, guidance, abduction):
    """Abducts x_T, and gives the function from latents under do, [z_cf] or those of `one_by_one`, to x_cf; arguments
    as for `counterfactual`, and the factual latents z [B, n, k]."""
    _, decode = SOLVERS[solver]
    drafted = functools.partial(draft_under, model, params, context=context, image_shape=x.shape[1:])
    if abduction != "noise":
        noise = invert(model, params, schedule, x, z, context, t, solver)
    else:
        eps = jax.random.normal(key, x.shape, x.dtype)
        noise = q_sample(schedule, x - drafted(z), eps, jnp.full(x.shape[:1], t[-1]))
    by = None if strength is None else strength.by

    def decoded(zs):
        change = mix([drafted(each) for each in zs], by) - drafted(z)
        # w = 0 changes nothing; above 1 the network's part alone grows
        draft = drafted(z) + min(guidance, 1.0) * change
        eps_fns = [guided(model, params, schedule, each, context, x.shape[1:], guidance) for each in zs]
        return jnp.clip(decode(grade(eps_fns, by), schedule, shift(noise, draft, schedule, t), t), -1, 1)

    if abduction != "restore":
        return decoded
    factual = guided(model, params, schedule, z, context, x.shape[1:], guidance)
    x_rec = jnp.clip(decode(factual, schedule, shift(noise, drafted(z), schedule, t), t), -1, 1)
    return lambda zs: jnp.clip(restore(x, x_rec, decoded(zs)), -1, 1)


@functools.partial(jax.jit, static_argnames=("model", "solver", "guidance", "shape"))
def sample(
    model: CausalDiffAE, params, schedule: Schedule, z, context, key, t, *, shape, solver="ddim", guidance=1.0
) -> jax.Array:
    """Images [B, H, W, C] in [-1, 1] from latents z [B, n, k] and fresh noise, along the steps t [N].

    shape is (H, W, C). A refiner's noise is added to its draft, so that with a guidance of 1 or more t need not
    reach the end of the diffusion time.
    """
    if model.decoder == "conv":
        return jnp.clip(model.apply(params, z, context, shape, method="decode"), -1, 1)
    draft = min(guidance, 1.0) * draft_under(model, params, z, context, shape)
    x_T = q_sample(schedule, draft, jax.random.normal(key, draft.shape, z.dtype), jnp.full(z.shape[:1], t[-1]))
    eps_fn = guided(model, params, schedule, z, context, shape, guidance)
    return jnp.clip(SOLVERS[solver][1](eps_fn, schedule, x_T, t), -1, 1)
