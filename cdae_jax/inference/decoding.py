"""What a `TrainedModel` computes of checked arrays, batch by batch: latents, counterfactuals, noise, style, samples.

A batch has one row for each image: "x" [B, H, W, C] uint8, "y_do" and "y" [B, n] standardised (NaN where nothing is
set, or known), "context" [B] int32.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.counterfactual import algorithm
from cdae_jax.counterfactual.sampling import Sampling
from cdae_jax.data.pixels import to_uint8, to_unit
from cdae_jax.errors import InputError
from cdae_jax.inference.batches import in_batches
from cdae_jax.model.network import Network


def latents(
    model, net: Network, batch: dict[str, np.ndarray], fit_steps: int, strengths: np.ndarray | None = None
) -> tuple:
    """u, z and z under do [B, n, k] by a network: the model's, or that of a draw; strengths [n], None for all of do."""
    strengths = None if strengths is None or (strengths == 1).all() else jnp.asarray(strengths)
    readout = model.readout

    def of_batch(_, x, **given):
        return algorithm.latents(net, to_unit(x), **given, readout=readout, strength=strengths, fit_steps=fit_steps)

    return in_batches(of_batch, batch, model.mesh)


def counterfactuals(
    model, net: Network, batch: dict[str, np.ndarray], sampling: Sampling, strengths: np.ndarray, times: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images [B, H, W, C] uint8, u and z under do [B, n, k] by a network: the model's, or that of a draw; strengths
    [n], and so many self-corrections."""
    t = model.steps(sampling)

    def of_batch(i, x, y_do, context, y):
        given = to_unit(x), y_do, context, t, jax.random.fold_in(jax.random.key(seed), i)
        how = _compiled_alike(sampling), model.readout, strengths, y, jnp.int32(times)
        made = algorithm.counterfactual(net, *given, *how)
        return to_uint8(made.x), made.u, made.z_cf

    return in_batches(of_batch, batch, model.mesh)


def noise(model, batch: dict[str, np.ndarray], sampling: Sampling) -> np.ndarray:
    """x_T [B, H, W, C] of the factual images."""
    t = model.steps(sampling)

    def of_batch(_, x, y_do, context, y):
        x = to_unit(x)
        _, z, _ = algorithm.latents(model.network, x, y_do, context, model.readout, y, fit_steps=sampling.fit_steps)
        return algorithm.invert(model.network, x, z, context, t, sampling.solver)

    return in_batches(of_batch, batch, model.mesh)


def style(model, batch: dict[str, np.ndarray], fit_steps: int) -> np.ndarray:
    """Style [B, m] of the factual images."""

    def of_batch(_, x, **given):
        x = to_unit(x)
        _, z, _ = algorithm.latents(model.network, x, **given, readout=model.readout, fit_steps=fit_steps)
        return _style(model.network, x, z)

    return in_batches(of_batch, batch, model.mesh)


def samples(model, z: np.ndarray, context: np.ndarray, sampling: Sampling, seed: int) -> np.ndarray:
    """New images [B, H, W, C] uint8 of latents z [B, n, k] and classes of the context [B]."""
    t = model.steps(sampling)

    def of_batch(i, z, context):
        given = z, context, t, jax.random.fold_in(jax.random.key(seed), i)
        made = algorithm.sample(model.network, *given, shape=model.image_shape, sampling=_compiled_alike(sampling))
        return to_uint8(made)

    return in_batches(of_batch, {"z": z, "context": context}, model.mesh)


def drawn_latents(model, num: int, seed: int) -> jax.Array:
    """z [num, n, k] of the causal model: each variable's own noise as the training labels imply it, independently of
    the others, propagated; effects that are classes drawn given their causes. Raises InputError without such labels."""
    if not len(model.stats.rows):
        raise InputError("no training image has a label of every variable: give sample() the labels to draw")
    rng = np.random.default_rng(seed)
    y = jnp.asarray(model.stats.standardise(model.stats.rows))
    u = np.asarray(model.network.abduct(model.network.codes(y)))
    drawn = np.stack([u[rng.integers(len(u), size=num), i] for i in range(u.shape[1])], axis=1)
    return model.network.propagate(jnp.asarray(drawn), key=jax.random.key(seed))


@jax.jit
def _style(net: Network, x: jax.Array, z: jax.Array) -> jax.Array:
    """The mean of q(s | x, z) [B, m] of images [B, H, W, C] in [-1, 1]."""
    return net.read_style(x, z)[0]


def _compiled_alike(sampling: Sampling) -> Sampling:
    """The same for every depth, which the steps tell, and every number of corrections above 0, so that another one
    compiles nothing anew."""
    return dataclasses.replace(sampling, depth=0.0, corrections=min(sampling.corrections, 1))
