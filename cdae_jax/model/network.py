"""A model with its parameters and its diffusion process: what the equations are written in."""

import functools

import flax.struct
import jax
import jax.numpy as jnp

from cdae_jax.diffusion.ddim import EpsFn
from cdae_jax.diffusion.process import Schedule, eps_from_output, prediction_target, signal_noise
from cdae_jax.graph import CausalGraph
from cdae_jax.model.causal_diffae import CausalDiffAE
from cdae_jax.model.decoders import Decoder
from cdae_jax.model.prior import label_codes, labels_of
from cdae_jax.model.scm import Conditional, Intervention


@flax.struct.dataclass
class Network:
    """A Flax module (static) under given parameters, and a noise schedule; as a PyTree one argument of `jax.jit`."""

    model: CausalDiffAE = flax.struct.field(pytree_node=False)
    params: dict
    schedule: Schedule
    style: jax.Array | None = None  # s [B, m] of the images at hand, which the draft then draws

    @property
    def graph(self) -> CausalGraph:
        return self.model.graph

    @property
    def decoder(self) -> Decoder:
        return self.model.decoder

    @property
    def _bound(self) -> CausalDiffAE:
        return self.model.bind(self.params)

    def _run(self, part: str, *args, image_shape=None):
        """What a part of the model makes of arrays; one of equal shapes is traced and lowered once in a program."""
        return _run(self.model, part, self.params, *args, image_shape=image_shape)

    def encode(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """q(u | x): images [B, H, W, C] in [-1, 1] -> mean and log variance of u, each [B, n, k]."""
        return self._run("encoder", x)

    def propagate(self, u: jax.Array, do: Intervention | None = None, key: jax.Array | None = None) -> jax.Array:
        """z = f(u), [B, n, k] -> [B, n, k] through the mechanisms, under `do`; with a key, classes drawn afresh."""
        return self._bound.scm(u, do, key)

    def conditionals(self, z: jax.Array) -> Conditional:
        """How every z_i follows its own noise, given its parents in z [B, n, k]."""
        return self._bound.scm.conditionals(z)

    def abduct(self, z: jax.Array) -> jax.Array:
        """u [B, n, k] of z [B, n, k], the inverse of `propagate` without do."""
        return self._bound.scm.abduct(z)

    def logits(self, z: jax.Array) -> dict[int, jax.Array]:
        """Log odds [B, classes] of every effect that is a class, by its index, given its parents in z [B, n, k]."""
        return self._bound.scm.logits(z, self.abduct(z))

    def codes(self, y: jax.Array) -> jax.Array:
        """m(y) [B, n, k], the mean of p(z | y), of standardised labels [B, n]."""
        return label_codes(self.graph, self.model.block_dim, y)

    def labels_of(self, z: jax.Array) -> jax.Array:
        """The standardised labels [B, n] whose codes are nearest to z [B, n, k]."""
        return labels_of(self.graph, z)

    def draft(self, z: jax.Array, context: jax.Array, image_shape, drop: jax.Array | None = None) -> jax.Array | None:
        """d(z, s) [B, H, W, C], the mean image given z [B, n, k], context [B] and style; 0 where drop [B]; None without
        a draft."""
        if not self.decoder.has_draft:
            return None
        draft = self._run("conv_decoder", z, context, self.style, image_shape=tuple(image_shape))
        return draft if drop is None else jnp.where(drop[:, None, None, None], 0, draft)

    def read_style(self, x: jax.Array, z: jax.Array) -> tuple[jax.Array, jax.Array]:
        """q(s | x, z) of images [B, H, W, C] in [-1, 1] and their z [B, n, k]: mean and log variance, each [B, m]."""
        mean, log_var = self._run("style_encoder", x, z)
        return mean[:, 0], log_var[:, 0]

    def with_style_of(self, x: jax.Array, z: jax.Array) -> "Network":
        """The network with the style of images x [B, H, W, C] whose latents are z [B, n, k], if the model has style."""
        return self.replace(style=self.read_style(x, z)[0]) if self.model.style_dim else self

    def denoise(self, x_t, t, z, context, drop, draft=None) -> jax.Array:
        """The decoder's estimate of `process.prediction_target` [B, H, W, C], at step indices t [B].

        With a draft d the UNet sees x_t - sqrt(alpha_bar) d, the noisy remainder r = x_0 - d, and d itself, and its
        output is the target for r. The target is linear in x_0, so that adding the target for d (without noise) gives
        the one for x_0: the diffusion process stays that of x_0.
        """
        time = t.astype(jnp.float32) / self.schedule.num_steps
        if draft is None:
            return self._run("unet", x_t, time, z, context, drop)
        alpha_bar = self.schedule.alpha_bar[t]
        signal, _ = signal_noise(alpha_bar, x_t.ndim)
        remainder = x_t - signal * draft
        output = self._run("unet", remainder, time, z, context, drop, draft)
        return output + prediction_target(self.model.prediction, draft, jnp.zeros_like(draft), alpha_bar)

    def eps_fn(self, z: jax.Array, context: jax.Array, image_shape, *, null: bool = False) -> EpsFn:
        """eps(x_t, t, z) as a function of (x_t, t) for the solvers; with null, under the null condition."""
        drop = jnp.full(z.shape[:1], null)
        draft = self.draft(z, context, image_shape, drop)

        def eps_fn(x_t, t):
            output = self.denoise(x_t, t, z, context, drop, draft)
            return eps_from_output(self.model.prediction, output, x_t, self.schedule.alpha_bar[t])

        return eps_fn


@functools.partial(jax.jit, static_argnames=("model", "part", "image_shape"))
def _run(model: CausalDiffAE, part: str, params: dict, *args, image_shape=None):
    module = getattr(model.bind(params), part)
    return module(*args) if image_shape is None else module(*args[:2], image_shape, *args[2:])
