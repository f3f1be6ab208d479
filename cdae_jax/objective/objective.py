"""The objective (arXiv 2404.17735, section 4), term by term; whatever is not the paper's is a call of `extensions`.

    L = (1) E ||target - output(x_t, t, z)||^2          mean over pixels
      + gamma ( (2) KL[q(u|x) || N(0, I)]
              + (3) KL[q(z|x) || p(z|y)] )              over the labelled variables
      + (4) ||x - d(z, s)||^2                           the draft, which is ours
      + (5) 2 sd^2 KL[q(s|x, z) || N(0, I)] / pixels    style, which is ours

(1) is of x, or with a draft of what that leaves (`Network.remainder`). gamma rises from 0 over the first steps. (2) and
(3) are sums over the dimensions, as published, or means (`terms.counts`). (3) is that of q(z_i | z_pa, x) =
N(g(mean_i), g'(mean_i)^2 var_i), given the sampled parents, for the mechanism z_i = g(u_i; z_pa): a sum of Gaussian
divergences, without noise of its own. That is exact for g linear in u_i (additive, affine); for a spline it is g's
tangent at mean_i, whose error falls with the variance var_i of the encoder.
"""

import chex
import jax
import jax.numpy as jnp

from cdae_jax.diffusion.process import prediction_target, q_sample
from cdae_jax.model.encoder import sample_gaussian
from cdae_jax.model.network import Network
from cdae_jax.objective import extensions
from cdae_jax.objective.draws import Draws
from cdae_jax.objective.terms import LossWeights, kl_gaussian, kl_standard_normal, masked_sum, masks, mean_square


def objective(
    net: Network, weights: LossWeights, batch: dict, draws: Draws, over: dict[str, jax.Array], step: jax.Array
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The loss (scalar) of a batch, or what a part of a batch adds to it, and its unweighted terms by name.

    The batch holds "x" [B, H, W, C] in [-1, 1]; "y" [B, n] standardised labels, NaN where unknown; "context" [B] int32;
    "intervened" [B, n] bool. The draws are for the same images; over is `terms.counts` of the whole batch, so that the
    shares of its parts add up to the loss of the whole; the annealing follows the training step.
    """
    x_0, known, num = batch["x"], jnp.isfinite(batch["y"]), len(batch["x"])
    chex.assert_rank(x_0, 4)
    chex.assert_shape([batch["y"], batch["intervened"]], (num, len(net.graph)))
    chex.assert_shape(batch["context"], (num,))

    # q(u | x), and z = f(u) of a sample of u.
    mean, log_var = net.encode(x_0)
    u = sample_gaussian(mean, log_var, draws.u) if weights.condition == "encoding" else mean
    z = net.propagate(u)

    # q(z | x), and p(z | y) = N(m(y), prior_sd^2).
    z_mean, log_slope = extensions.spare_what_was_set(net.conditionals(z), batch["intervened"]).z_of(mean)
    z_log_var = log_var + 2 * log_slope
    code = net.codes(extensions.completed(net, batch["y"], z_mean))

    # (1), (4) and (5) The decoder, conditioned on z, and its draft, which sees style too.
    context = jnp.where(draws.hide, net.model.num_classes, batch["context"])
    seen, drop = extensions.condition_of(weights.condition, z, code, known, draws)
    for_draft = jax.lax.stop_gradient(code if weights.condition == "mixed" else seen)
    plain = extensions.share_of_plain(step, weights.steps)
    net, refined, terms = extensions.with_style(net, x_0, for_draft, draws, plain)
    if net.decoder.diffuses:
        decoding, others = _denoising(net, refined, weights, x_0, seen, for_draft, context, drop, draws)
        terms |= others
    else:
        decoding = extensions.pixel_misfit(net, x_0, seen, context)

    # (2) and (3).
    divergences = {
        "kl_u": kl_standard_normal(mean, log_var),
        "kl_z": kl_gaussian(z_mean, z_log_var, code, net.model.prior_sd),
    }
    over_variables = masks(batch)
    terms = {name: jnp.sum(term) / over["decoder"] for name, term in ({"decoder": decoding} | terms).items()}
    terms |= {name: masked_sum(term, over_variables[name]) / over[name] for name, term in divergences.items()}

    anneal = jnp.minimum(1.0, (step + 1).astype(jnp.float32) / max(1, weights.anneal_steps))
    regularisers = anneal * weights.gamma * (terms["kl_u"] + terms["kl_z"])
    return terms["decoder"] + terms.get("draft", 0.0) + terms.get("style", 0.0) + regularisers, terms


def _denoising(net: Network, refined: Network, weights: LossWeights, x_0, seen, for_draft, context, drop, draws: Draws):
    """(1) ||target - output(r_t, t, z)||^2 of every image that the UNet sees, and (4) of every image, by name; net and
    refined are the network with style as the draft and as the UNet sees it."""
    eps, t, draft, terms = draws.eps, draws.t, None, {}
    if net.decoder.has_draft:
        draft = net.draft(for_draft, context, x_0.shape[1:])
        terms["draft"] = extensions.draft_misfit(x_0, draft)
        every = extensions.every((x_0, eps, t, seen, context, drop, draft, refined.style), weights.refine_every)
        x_0, eps, t, seen, context, drop, draft, style = every
        if weights.condition == "mixed" or style is not None:  # the UNet's draft is of what the UNet sees
            draft = refined.replace(style=style).draft(seen, context, x_0.shape[1:])
        draft = jax.lax.stop_gradient(draft)
    r = net.remainder(x_0, draft)
    output = net.denoise(q_sample(net.schedule, r, eps, t), t, seen, context, drop, draft)
    target = prediction_target(net.model.prediction, r, eps, net.schedule.alpha_bar[t])
    return weights.refine_every * mean_square(target - output), terms
