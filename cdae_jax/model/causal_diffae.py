"""CausalDiffAE (Komanduri et al., ECAI 2024, arXiv 2404.17735): encoder, causal layer and diffusion decoder."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from cdae_jax.diffusion.process import Schedule, eps_from_output, prediction_target, signal_noise
from cdae_jax.graph import CausalGraph
from cdae_jax.model.drafts import ConvDecoder, PartsDecoder
from cdae_jax.model.encoder import Encoder
from cdae_jax.model.scm import Intervention, StructuralCausalModel
from cdae_jax.model.unet import UNet

PRIORS = ("fixed", "learned")
DECODERS = ("diffusion", "refiner", "conv")
DTYPES = ("float32", "bfloat16")


def class_codes(classes: int, block_dim: int) -> jax.Array:
    """[classes, k]: the code of every class of a categorical variable, one-hot, standardised, then zeros."""
    one_hot = jnp.eye(classes, block_dim)
    inside = (jnp.arange(block_dim) < classes).astype(one_hot.dtype)
    return (one_hot - inside[None] / classes) / jnp.sqrt((classes - 1) / classes**2)


def label_codes(graph: CausalGraph, block_dim: int, y: jax.Array) -> jax.Array:
    """Standardised labels [B, n] -> [B, n, k]: a number is repeated over the block, a class becomes its code."""
    blocks = []
    for i, var in enumerate(graph.variables):
        if var.kind == "categorical":
            index = jnp.clip(y[:, i].astype(jnp.int32), 0, var.classes - 1)
            blocks.append(class_codes(var.classes, block_dim)[index])
        else:
            blocks.append(jnp.repeat(y[:, i, None], block_dim, axis=-1))
    return jnp.stack(blocks, axis=1)


class LabelPrior(nn.Module):
    """p(z | y) = prod_i N(z_i; m_i(y_i), s_i(y_i)^2 I) (arXiv 2404.17735, section 4).

    "fixed": m_i is the code of y_i (`label_codes`), s_i is `sd`. "learned": an MLP of the code corrects both.
    """

    graph: CausalGraph
    block_dim: int
    kind: str
    sd: float

    @nn.compact
    def __call__(self, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Standardised labels [B, n] -> mean and log standard deviation, each [B, n, k]."""
        mean = label_codes(self.graph, self.block_dim, y)
        log_sd = jnp.full_like(mean, jnp.log(self.sd))
        if self.kind == "learned":
            corrections = []
            for i in range(len(self.graph)):
                h = nn.silu(nn.Dense(32)(mean[:, i]))
                corrections.append(nn.Dense(2 * self.block_dim, kernel_init=nn.initializers.zeros)(h))
            shift, log_scale = jnp.split(jnp.stack(corrections, axis=1), 2, axis=-1)
            mean, log_sd = mean + shift, log_sd + log_scale
        return mean, log_sd


class CausalDiffAE(nn.Module):
    """The whole model; every method is called as `model.apply(params, ..., method="name")`.

    Attributes:
      graph: the causal graph over n variables.
      block_dim: k, dimensions per variable.
      encoder_channels, encoder_multipliers, encoder_patch: see `Encoder`.
      decoder: "diffusion" (the UNet); "refiner" (a `ConvDecoder` of the same sizes drafts the mean image given z, and
        the UNet works on what it leaves; after DiffuseVAE, arXiv 2201.00308); "conv" (the draft alone; a baseline).
      unet_channels, unet_multipliers, num_blocks, attention, num_heads, patch, num_classes: see `UNet`.
      mechanism, mechanism_hidden: `kind` and `hidden` of `StructuralCausalModel`.
      prior, prior_sd: see `LabelPrior`.
      prediction: what the UNet outputs: "eps", "v" or "x_0".
      parts: the draft is a `PartsDecoder` of the graph's parts, each of half as many channels.
      dtype, remat: "float32" or "bfloat16" for encoder and UNet, and `remat` of `UNet`.
    """

    graph: CausalGraph
    block_dim: int
    encoder_channels: int
    encoder_multipliers: tuple[int, ...]
    encoder_patch: int
    decoder: str
    unet_channels: int
    unet_multipliers: tuple[int, ...]
    num_blocks: int
    attention: tuple[int, ...]
    num_heads: int
    patch: int
    num_classes: int
    mechanism: str
    mechanism_hidden: int
    prior: str
    prior_sd: float
    prediction: str
    parts: bool = False
    dtype: str = "float32"
    remat: bool = False

    def setup(self):
        dtype = jnp.dtype(self.dtype)
        self.encoder = Encoder(
            len(self.graph), self.block_dim, self.encoder_channels, self.encoder_multipliers, self.encoder_patch, dtype
        )
        self.scm = StructuralCausalModel(self.graph, self.block_dim, self.mechanism_hidden, self.mechanism)
        self.label_prior = LabelPrior(self.graph, self.block_dim, self.prior, self.prior_sd)
        if self.decoder != "conv":
            self.unet = UNet(
                self.unet_channels,
                self.unet_multipliers,
                self.num_blocks,
                self.attention,
                self.num_heads,
                self.patch,
                self.num_classes,
                dtype,
                self.remat,
            )
        if self.decoder != "diffusion":
            sizes = (self.unet_multipliers, self.num_blocks, self.patch, self.num_classes)
            if self.parts:
                self.conv_decoder = PartsDecoder(self.graph.parts, max(1, self.unet_channels // 2), *sizes)
            else:
                self.conv_decoder = ConvDecoder(self.unet_channels, *sizes)

    def encode(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """q(u | x): images [B, H, W, C] in [-1, 1] -> mean and log variance of u [B, n, k]."""
        return self.encoder(x)

    def propagate(self, u: jax.Array, do: Intervention | None = None) -> jax.Array:
        """u [B, n, k] -> z [B, n, k] through the mechanisms, under `do`."""
        return self.scm(u, do)

    def conditionals(self, z: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Shift and log scale, each [B, n, k], of every z_i given its parents in z [B, n, k]."""
        return self.scm.conditionals(z)

    def abduct(self, z: jax.Array) -> jax.Array:
        """z [B, n, k] -> u [B, n, k], the inverse of `propagate` without do."""
        return self.scm.abduct(z)

    def prior_of(self, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        """p(z | y): standardised labels [B, n] -> mean and log standard deviation of z [B, n, k]."""
        return self.label_prior(y)

    def denoise(self, x_t, time, z, context, drop, draft=None) -> jax.Array:
        """The UNet's raw output [B, H, W, C]; arguments as `UNet.__call__`."""
        return self.unet(x_t, time, z, context, drop, draft)

    def decode(self, z, context, image_shape) -> jax.Array:
        """The conv decoder's image [B, *image_shape]; arguments as `ConvDecoder.__call__`."""
        return self.conv_decoder(z, context, image_shape)

    def __call__(self, x, y, time, context, drop):
        """Touches every parameter, for initialisation."""
        mean, _ = self.encode(x)
        z = self.propagate(mean)
        draft = None if self.decoder == "diffusion" else self.decode(z, context, x.shape[1:])
        image = draft if self.decoder == "conv" else self.denoise(x, time, z, context, drop, draft)
        return image, self.prior_of(y)


def labels_of(model: CausalDiffAE, params, z: jax.Array) -> jax.Array:
    """The standardised labels [B, n] whose prior means m_i(y_i) are nearest to z [B, n, k].

    For numbers under the fixed prior that is the mean over the block; under the learned one the best of a grid over
    [-6, 6]. For categorical variables it is the nearest class.
    """
    num = len(model.graph)
    grid = jnp.tile(jnp.linspace(-6.0, 6.0, 1201)[:, None], (1, num))
    nearest = jnp.mean(z, -1) if model.prior == "fixed" else _nearest(model, params, z, grid)
    classes = [var.classes if var.kind == "categorical" else 0 for var in model.graph.variables]
    if not any(classes):
        return nearest
    last = jnp.asarray([max(0, count - 1) for count in classes], jnp.float32)
    every = jnp.minimum(
        jnp.arange(max(classes), dtype=jnp.float32)[:, None], last[None]
    )  # repeats of the last lose ties
    return jnp.where(jnp.asarray([count > 0 for count in classes])[None], _nearest(model, params, z, every), nearest)


def _nearest(model: CausalDiffAE, params, z: jax.Array, candidates: jax.Array) -> jax.Array:
    """For every variable by itself, the label among candidates [M, n] whose prior mean is nearest to z [B, n, k]."""
    means, _ = model.apply(params, candidates, method="prior_of")
    gap = jnp.sum((z[:, None] - means[None]) ** 2, -1)  # [B, M, n]
    return jnp.take_along_axis(candidates, jnp.argmin(gap, axis=1), axis=0)


def init_params(model: CausalDiffAE, key: jax.Array, image_shape: tuple[int, int, int]):
    """Fresh parameters for images [H, W, C]."""
    return model.init(
        key,
        jnp.zeros((1, *image_shape)),
        jnp.zeros((1, len(model.graph))),
        jnp.zeros((1,)),
        jnp.zeros((1,), jnp.int32),
        jnp.zeros((1,), bool),
    )


def draft_of(model: CausalDiffAE, params, z, context, drop, image_shape) -> jax.Array | None:
    """The refiner's drafts [B, H, W, C], 0 where z is dropped; None for a decoder without drafts."""
    if model.decoder == "diffusion":
        return None
    draft = model.apply(params, z, context, image_shape, method="decode")
    return jnp.where(drop[:, None, None, None], 0, draft)


def predict(model: CausalDiffAE, params, schedule: Schedule, x_t, t, z, context, drop, draft) -> jax.Array:
    """The diffusion decoder's estimate of `diffusion.prediction_target` [B, H, W, C], at step indices t [B].

    With a draft d the UNet sees x_t - sqrt(alpha_bar) d, the noisy remainder r = x_0 - d, and d itself, and its output
    is the target for r. The target is linear in x_0, so that adding the target for d gives the one for x_0: nothing
    but the network changes, the process stays that of x_0.
    """
    time = t.astype(jnp.float32) / schedule.num_steps
    if draft is None:
        return model.apply(params, x_t, time, z, context, drop, method="denoise")
    alpha_bar = schedule.alpha_bar[t]
    signal, _ = signal_noise(alpha_bar, x_t.ndim)
    output = model.apply(params, x_t - signal * draft, time, z, context, drop, draft, method="denoise")
    return output + prediction_target(model.prediction, draft, jnp.zeros_like(draft), alpha_bar)


def make_eps_fn(model: CausalDiffAE, params, schedule: Schedule, z, context, image_shape, *, null: bool = False):
    """eps_fn(x_t, t) -> eps for the samplers, conditioned on z [B, n, k] and context [B], for images (H, W, C).

    With null=True z is replaced by the null condition; the context stays.
    """
    drop = jnp.full(z.shape[:1], null)
    draft = draft_of(model, params, z, context, drop, image_shape)

    def eps_fn(x_t, t):
        output = predict(model, params, schedule, x_t, t, z, context, drop, draft)
        return eps_from_output(model.prediction, output, x_t, schedule.alpha_bar[t])

    return eps_fn
