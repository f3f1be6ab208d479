"""The objective, term by term (arXiv 2404.17735, section 4; (3'), (4) and (4') are our own).

    L = (1) E ||target - output(x_t, t, z)||^2          mean over pixels; for the conv decoder -E log p(x|z), the same
      + gamma ( w_u (2) KL[q(u|x) || N(0, I)]           mean over the n * k dimensions
              + w_z (3) KL[q(z|x) || p(z|y)]            mean over the dimensions of labelled variables
              + w_m (3') KL[q(z|x) || p(z|y*)]          the same, of those whose label is missing
              + w_f (4) -E log p(m_i(y) | m_pa(y))      the same, children of labelled parents only
              + w_g (4') -E log p(m_i(y*) | m_pa(y*))   the same, of families with a missing label

(3) is exact given the sampled parents: q(z_i | z_pa, x) = N(f_i + exp(s_i) mean_i, exp(2 s_i) var_i), with f_i and
s_i of z_pa (s_i = 0 for additive mechanisms), so that the divergence is a sum of Gaussian ones. (4) is 1/2 u^2 + s_i
for the noise u that the labels themselves imply, s_i being the log determinant of the mechanism's Jacobian: the
mechanisms learn from the labels and not only through the encoder, which could otherwise write a child's label into its
own u and leave f_i untrained. w_f = 0 is the published objective.

In (3') the place of a missing label is taken by y*, the label that the mean of q(z|x) is nearest to (`labels_of`). It
says nothing of which label that is, but that z is that of some label: else the images without labels would teach the
decoder to read their shape from z. w_m = 0 leaves their z to (1) and (2). (4') has the mechanisms, and not the encoder,
learn from what the encoder reads where labels are missing; w_g = 0 leaves them to the labels that there are.

The mechanisms learn from all terms, as published, or from (4) and (4') alone (`mechanism_alone`): what pulls at them
from elsewhere, the noise of u in (3) and the decoder, costs them the precision that the labels would give.

A refiner's draft has its own term, (5) E ||x - draft(z)||^2, whose gradient ends at the draft's weights: it learns the
mean image given z, and z is shaped by (1) to (3') alone. The draft in turn learns nothing from (1). On "mixed" latents
its z are codes alone: what do() sets is exact, and what the encoder misreads is not the draft's to mend. Where the
draft says nearly all, the UNet need not see every image that the draft sees: (1) is then the mean over one image of
`refine_every`.

A variable that was set by hand in a training image ("intervened") keeps (3), which says what is there, without gradient
to its mechanism, and is left out of (2) and (4): whatever u explains the value against the mechanism is not unlikely.

The decoder is conditioned on z of a sample of u, which is the published objective; or on z of the mean of u, which is
what abduction finds ("mean"; (3) is then given the parents' mean); or on the same with each z_i replaced, half of the
time, by m_i(y_i) or m_i(y*_i) ("mixed"), which is what do() puts in its place: the decoder sees in training what it is
to obey. In label-conditional diffusion, a baseline, it is the prior mean of the labels alone ("labels"): the encoder
learns to read the labels from (3), which is given the parents' mean too.
"""

import dataclasses
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from cdae_jax.diffusion.process import Schedule, prediction_target, q_sample
from cdae_jax.model.causal_diffae import CausalDiffAE, draft_of, labels_of, predict
from cdae_jax.model.encoder import sample_gaussian

CONDITIONS = ("encoding", "mean", "mixed", "labels")
IMAGE_SD = 0.1  # of the conv decoder's p(x | z), on the scale -1..1


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """Weights of the numbered terms and the number of steps over which gamma rises from 0 to 1."""

    kl_u: float
    kl_z: float
    mechanism: float
    anneal_steps: int
    condition_drop: float  # probability of the null condition; the context is dropped as often, independently
    condition: str = "encoding"  # of the decoder, see above
    kl_missing: float = 0.0
    mechanism_missing: float = 0.0
    mechanism_alone: bool = False
    refine_every: int = 1


def kl_standard_normal(mean: jax.Array, log_var: jax.Array) -> jax.Array:
    """KL[N(mean, exp(log_var)) || N(0, 1)], elementwise, in nats."""
    return 0.5 * (mean**2 + jnp.exp(log_var) - 1 - log_var)


def kl_gaussian(mean: jax.Array, log_var: jax.Array, prior_mean: jax.Array, prior_log_sd: jax.Array) -> jax.Array:
    """KL[N(mean, exp(log_var)) || N(prior_mean, exp(2 prior_log_sd))], elementwise, in nats."""
    scaled = (jnp.exp(log_var) + (mean - prior_mean) ** 2) * jnp.exp(-2 * prior_log_sd)
    return prior_log_sd - 0.5 * log_var + 0.5 * (scaled - 1)


def mean_square(values: jax.Array) -> jax.Array:
    """[B, H, W, C] -> [B]."""
    return jnp.mean(values**2, axis=(1, 2, 3))


def masked_sum(values: jax.Array, mask: jax.Array) -> jax.Array:
    """Sum of values [B, n, k] over the entries of mask [B, n]."""
    return jnp.sum(jnp.where(mask[..., None], values, 0))


def family_mask(model: CausalDiffAE, known: jax.Array) -> jax.Array:
    """[B, n] bool: variables with parents whose own label and parents' labels are all known."""
    columns = []
    for i, parents in enumerate(model.graph.parents):
        family = known[:, (i, *parents)].all(-1)
        columns.append(family if parents else jnp.zeros_like(family))
    return jnp.stack(columns, -1)


def every(tree, num: int):
    """Leaves [B, ...] -> [B / num, ...]: one row of num, so that every device has as many and none has to move."""
    return jax.tree.map(lambda x: x.reshape(-1, num, *x.shape[1:])[:, 0], tree)


class Draws(NamedTuple):
    """The random numbers of a batch, drawn for all of it at once so that splitting it changes nothing.

    u [B, n, k] and eps [B, H, W, C]: standard normal; t [B] int32 step indices; drop, hide [B] bool: where z, and where
    the context, is replaced by the null condition; swap [B, n] bool: where z_i is replaced by what do() would set.
    """

    u: jax.Array
    eps: jax.Array
    t: jax.Array
    drop: jax.Array
    hide: jax.Array
    swap: jax.Array


def draw(model: CausalDiffAE, schedule: Schedule, condition_drop: float, image_shape, key: jax.Array) -> Draws:
    """The random numbers for images [B, H, W, C]; a key used for nothing else."""
    key_u, key_t, key_eps, key_drop, key_context = jax.random.split(key, 5)
    num = image_shape[:1]
    return Draws(
        u=jax.random.normal(key_u, (*num, len(model.graph), model.block_dim)),
        eps=jax.random.normal(key_eps, image_shape),
        t=jax.random.randint(key_t, num, 0, schedule.num_steps),
        drop=jax.random.bernoulli(key_drop, condition_drop, num),
        hide=jax.random.bernoulli(key_context, condition_drop, num),
        swap=jax.random.bernoulli(jax.random.fold_in(key, 5), 0.5, (*num, len(model.graph))),
    )


def masks(model: CausalDiffAE, batch: dict) -> dict[str, jax.Array]:
    """[B, n] bool for each term over latents: the variables whose dimensions its mean is over."""
    known, free = jnp.isfinite(batch["y"]), ~batch["intervened"]
    families, labelled = family_mask(model, jnp.ones_like(known)) & free, family_mask(model, known)
    return {
        "kl_u": free,
        "kl_z": known,
        "kl_missing": ~known,
        "mechanism": families & labelled,
        "mechanism_missing": families & ~labelled,
    }


def counts(model: CausalDiffAE, batch: dict) -> dict[str, jax.Array]:
    """What the sum of each term is divided by, float32 scalars of at least 1: images, or dimensions of latents."""
    dimensions = {name: model.block_dim * jnp.sum(mask) for name, mask in masks(model, batch).items()}
    found = {"decoder": jnp.asarray(len(batch["x"])), **dimensions}
    return {name: jnp.maximum(count, 1).astype(jnp.float32) for name, count in found.items()}


def objective(
    model: CausalDiffAE,
    params,
    schedule: Schedule,
    weights: LossWeights,
    batch: dict,
    draws: Draws,
    over: dict[str, jax.Array],
    step: jax.Array,
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The loss of a batch, or the share in it of a part of the batch, and its terms.

    Args:
      batch: "x" [B, H, W, C] in [-1, 1]; "y" [B, n] standardised labels, NaN where unknown; "context" [B] int32;
        "intervened" [B, n] bool.
      draws: of `draw`, for the same images.
      over: `counts` of the whole batch, so that the shares of its parts add up to the loss of the whole.
      step: training step, for the annealing.

    Returns:
      the loss (scalar) and its unweighted terms by name.
    """
    x_0, y, context, intervened = batch["x"], batch["y"], batch["context"], batch["intervened"]
    chex.assert_rank(x_0, 4)
    chex.assert_shape([y, intervened, context], [(len(x_0), len(model.graph))] * 2 + [(len(x_0),)])
    known, terms_over = jnp.isfinite(y), masks(model, batch)

    as_given = params
    if weights.mechanism_alone:  # elsewhere the mechanisms are given
        parts = params["params"].items()  # without "scm" where the graph has no edges
        as_given = {"params": {name: jax.lax.stop_gradient(part) if name == "scm" else part for name, part in parts}}
    mean, log_var = model.apply(params, x_0, method="encode")
    u = sample_gaussian(mean, log_var, draws.u) if weights.condition == "encoding" else mean
    z = model.apply(as_given, u, method="propagate")
    shift, log_scale = (
        jnp.where(intervened[..., None], jax.lax.stop_gradient(part), part)
        for part in model.apply(as_given, z, method="conditionals")
    )
    q_z = shift + jnp.exp(log_scale) * mean, log_var + 2 * log_scale
    y = jnp.where(known, y, jax.lax.stop_gradient(labels_of(model, params, q_z[0])))
    prior_mean, prior_log_sd = model.apply(params, y, method="prior_of")
    label_shift, label_log_scale = model.apply(params, prior_mean, method="conditionals")
    label_u = (prior_mean - label_shift) * jnp.exp(-label_log_scale)

    context = jnp.where(draws.hide, model.num_classes, context)
    seen, drop = z, draws.drop
    if weights.condition == "mixed":
        seen = jnp.where(draws.swap[..., None], prior_mean, z)
    if weights.condition == "labels":
        seen, drop = prior_mean, drop | ~known.all(-1)
    terms = {}
    if model.decoder == "conv":
        output = model.apply(params, seen, context, x_0.shape[1:], method="decode")
        decoding = mean_square(x_0 - output) / (2 * IMAGE_SD**2)
    else:
        drafted = jax.lax.stop_gradient(prior_mean if weights.condition == "mixed" else seen)
        draft = draft_of(model, params, drafted, context, drop, x_0.shape[1:])
        if draft is not None:
            terms["draft"] = jnp.sum(jnp.where(drop, 0, mean_square(x_0 - draft))) / over["decoder"]
        refined = (x_0, draws.eps, draws.t, seen, context, drop, draft)
        x_0, eps, t, seen, context, drop, draft = every(refined, weights.refine_every)
        if weights.condition == "mixed":  # the UNet's is of what it sees
            draft = draft_of(model, params, seen, context, drop, x_0.shape[1:])
        draft = jax.lax.stop_gradient(draft)
        x_t = q_sample(schedule, x_0, eps, t)
        output = predict(model, params, schedule, x_t, t, seen, context, drop, draft)
        target = prediction_target(model.prediction, x_0, eps, schedule.alpha_bar[t])
        decoding = weights.refine_every * mean_square(target - output)

    divergence, misfit = kl_gaussian(*q_z, prior_mean, prior_log_sd), 0.5 * label_u**2 + label_log_scale
    over_latents = {
        "kl_u": kl_standard_normal(mean, log_var),
        "kl_z": divergence,
        "kl_missing": divergence,
        "mechanism": misfit,
        "mechanism_missing": misfit,
    }
    terms["decoder"] = jnp.sum(decoding) / over["decoder"]
    terms |= {name: masked_sum(values, terms_over[name]) / over[name] for name, values in over_latents.items()}
    gamma = jnp.minimum(1.0, (step + 1).astype(jnp.float32) / max(1, weights.anneal_steps))
    regularisers = sum(getattr(weights, name) * terms[name] for name in over_latents)
    return terms["decoder"] + terms.get("draft", 0.0) + gamma * regularisers, terms
