"""What we add to the published objective, one function each, with its reason and its evidence (docs/tried.md)."""

import jax
import jax.numpy as jnp

from cdae_jax.model.encoder import sample_gaussian
from cdae_jax.model.network import Network
from cdae_jax.model.scm import Conditional
from cdae_jax.objective.draws import Draws
from cdae_jax.objective.terms import Condition, kl_standard_normal, mean_square

IMAGE_SD = 0.1  # of the conv decoder's p(x | z), on the scale -1..1
STYLE_SD = 0.3  # of p(x | z, s), likewise: the larger, the more of an image a nat of style has to explain


def spare_what_was_set(conditionals: Conditional, intervened: jax.Array) -> Conditional:
    """The conditionals without gradient where a variable was set by hand (intervened, [B, n] bool).

    A value that was set says nothing of the mechanism: (3) holds for it but does not train f_i, and (2) leaves the
    variable out (`terms.masks`), since the u that would explain the value need not follow the prior
    ("Draft and parts").
    """

    def spared(part):
        was_set = intervened.reshape(*intervened.shape, *(1,) * (part.ndim - 2))
        return jnp.where(was_set, jax.lax.stop_gradient(part), part)

    return jax.tree.map(spared, conditionals)


def completed(net: Network, y: jax.Array, z: jax.Array) -> jax.Array:
    """Standardised labels y [B, n], the unknown ones (NaN) filled in as read from z [B, n, k], without gradient."""
    return jnp.where(jnp.isfinite(y), y, jax.lax.stop_gradient(net.labels_of(z)))


def condition_of(kind: Condition, z: jax.Array, code: jax.Array, known: jax.Array, draws: Draws):
    """What the decoder sees [B, n, k], and where it sees the null condition [B] bool.

    "encoding": z of a sample of u, as published, or "mean": z of the mean of u, which is what abduction finds
    ("What the decoder sees"). "mixed": the same with each z_i replaced, half of the time, by its code, which is what
    do() puts in its place. "labels": the codes alone, nothing where a label is unknown ([B, n] bool): label-conditional
    diffusion, a baseline. code is m(y), like z [B, n, k].
    """
    if kind == "mixed":
        return jnp.where(draws.swap[..., None], code, z), draws.drop
    if kind == "labels":
        return code, draws.drop | ~known.all(-1)
    return z, draws.drop


def draft_misfit(x_0: jax.Array, draft: jax.Array) -> jax.Array:
    """(4) ||x - d(z, s)||^2 [B]: a refiner's draft learns the mean image given z.

    Its gradient reaches the weights of draft and style alone: z is shaped by (1) to (3), and the draft learns nothing
    from (1) (after DiffuseVAE, arXiv 2201.00308; "Draft and parts").
    """
    return mean_square(x_0 - draft)


def share_of_plain(step: jax.Array, steps: int) -> jax.Array:
    """The share of images whose draft learns without style at a step of `steps`: falls from 1 to 0 half-way."""
    return jnp.maximum(0.0, 1 - 2 * step.astype(jnp.float32) / steps)


def with_style(
    net: Network, x_0: jax.Array, z: jax.Array, draws: Draws, plain: jax.Array
) -> tuple[Network, Network, dict]:
    """The network with the style s of images x_0 as the draft learns from it (a sample of s), the network as the UNet
    sees it (the mean of s, which is what abduction finds), and (5) [B] by name; `net`, `net` and {} without style.

    s ~ q(s | x, z) holds what no label says of an image, the place of a shape for example, so that the draft is sharp
    and no mean over all places. (4) + (5) bounds -log p(x | z) from above, with p(x | z, s) = N(d(z, s), STYLE_SD^2 I):
    a conditional VAE, on the scale of squared pixels. The divergence keeps out of s what z says, if the draft learns
    that from z first: hence 0 takes the place of s in a share `plain` of the images (`share_of_plain`; "Style").
    z [B, n, k] comes without gradient.
    """
    if not net.model.style_dim:
        return net, net, {}
    mean, log_var = net.read_style(x_0, z)
    nats = jnp.sum(kl_standard_normal(mean, log_var), -1) / x_0[0].size
    scale = 1.0 if net.decoder.diffuses else 1 / (2 * IMAGE_SD**2)  # that of (4), or of `pixel_misfit`
    sample = jnp.where(draws.plain[:, None] < plain, 0, sample_gaussian(mean, log_var, draws.style))
    return net.replace(style=sample), net.replace(style=mean), {"style": scale * 2 * STYLE_SD**2 * nats}


def every(tree, num: int):
    """Leaves [B, ...] -> [B / num, ...]: the first of every num rows, so that each device keeps as many of its own.

    Where the draft says nearly all, the UNet need not see every image that the draft sees ("Draft and parts").
    """
    return jax.tree.map(lambda x: x.reshape(-1, num, *x.shape[1:])[:, 0], tree)


def pixel_misfit(net: Network, x_0: jax.Array, z: jax.Array, context: jax.Array) -> jax.Array:
    """-log p(x | z) [B] of a decoder without diffusion, per pixel and up to a constant (CausalVAE, a baseline)."""
    return mean_square(x_0 - net.draft(z, context, x_0.shape[1:])) / (2 * IMAGE_SD**2)
