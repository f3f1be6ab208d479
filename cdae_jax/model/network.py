"""A model with its parameters and its diffusion process: what the equations are written in."""

import functools

import flax.struct
import jax
import jax.numpy as jnp

from cdae_jax.diffusion.ddim import EpsFn
from cdae_jax.diffusion.process import Schedule, eps_from_output
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

    def draft(self, z: jax.Array, context: jax.Array, image_shape) -> jax.Array | None:
        """d(z, s) [B, H, W, C], the mean image given z [B, n, k], context [B] and style; None without a draft."""
        if not self.decoder.has_draft:
            return None
        return self._run("conv_decoder", z, context, self.style, image_shape=tuple(image_shape))

    def remainder(self, x: jax.Array, draft: jax.Array | None) -> jax.Array:
        """r = x - d [B, H, W, C], which the decoder diffuses; x itself without a draft."""
        return x if draft is None else x - draft

    def image(self, r: jax.Array, draft: jax.Array | None) -> jax.Array:
        """x = d + r, the inverse of `remainder`, clipped to [-1, 1]."""
        return jnp.clip(r if draft is None else draft + r, -1, 1)

    def read_style(self, x: jax.Array, z: jax.Array) -> tuple[jax.Array, jax.Array]:
        """q(s | x, z) of images [B, H, W, C] in [-1, 1] and their z [B, n, k]: mean and log variance, each [B, m]."""
        mean, log_var = self._run("style_encoder", x, z)
        return mean[:, 0], log_var[:, 0]

    def with_style_of(self, x: jax.Array, z: jax.Array) -> "Network":
        """The network with the style of images x [B, H, W, C] whose latents are z [B, n, k], if the model has style."""
        return self.replace(style=self.read_style(x, z)[0]) if self.model.style_dim else self

    def denoise(self, r_t, t, z, context, drop, draft=None) -> jax.Array:
        """The UNet's estimate of `process.prediction_target` [B, H, W, C] of `remainder`, at step indices t [B].

        It sees the noisy remainder r_t, and the draft where there is one; z is hidden from it where drop [B].
        """
        time = t.astype(jnp.float32) / self.schedule.num_steps
        return self._run("unet", r_t, time, z, context, drop, *(() if draft is None else (draft,)))

    def eps_fn(self, z: jax.Array, context: jax.Array, draft: jax.Array | None = None, *, null: bool = False) -> EpsFn:
        """eps(r_t, t, z) as a function of (r_t, t) for the solvers, given the draft of z; with null, without z."""
        drop = jnp.full(z.shape[:1], null)

        def eps_fn(r_t, t):
            output = self.denoise(r_t, t, z, context, drop, draft)
            return eps_from_output(self.model.prediction, output, r_t, self.schedule.alpha_bar[t])

        return eps_fn


@functools.partial(jax.jit, static_argnames=("model", "part", "image_shape"))
def _run(model: CausalDiffAE, part: str, params: dict, *args, image_shape=None):
    module = getattr(model.bind(params), part)
    return module(*args) if image_shape is None else module(*args[:2], image_shape, *args[2:])
