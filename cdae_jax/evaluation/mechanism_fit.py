"""Whether mechanisms fit labels: effects drawn anew given their true causes, and the noise that labels imply."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.model.network import Network
from cdae_jax.model.prior import codes_of


class MechanismFit(NamedTuple):
    """What mechanisms say of labels [N, n]; NaN where a label of the variable or of its causes is unknown.

    drawn: standardised labels, each effect by its mechanism from fresh noise and the true labels of its causes; u: the
    noise that the labels imply, a mean over each block, NaN of effects that are classes.
    """

    drawn: np.ndarray
    u: np.ndarray


def fit_of(net: Network, y: np.ndarray, seed: int = 0) -> MechanismFit:
    """The fit to standardised labels y [N, n], NaN where unknown. Where a mechanism fits, drawn effects are
    spread as the true ones are around their causes, and u is spread as N(0, 1) whatever the causes."""
    y, key = np.asarray(y, np.float32), jax.random.key(seed)
    codes = net.codes(jnp.nan_to_num(y))
    conditionals = net.conditionals(codes)
    noise = jax.random.normal(key, (*y.shape, 1))  # one for a block: codes stay codes
    z, _ = conditionals.z_of(jnp.broadcast_to(noise, codes.shape))
    u = conditionals.u_of(codes)[0].mean(-1)
    for i, logits in net.logits(codes).items():
        drawn = jax.random.categorical(jax.random.fold_in(key, i), logits)
        z, u = z.at[:, i].set(codes_of(net.graph.variables[i], codes.shape[-1])[drawn]), u.at[:, i].set(jnp.nan)
    known, parents = np.isfinite(y), net.graph.parents
    whole = np.stack([known[:, (i, *causes)].all(1) for i, causes in enumerate(parents)], 1)
    drawn = np.where([bool(causes) for causes in parents], net.labels_of(z), y)
    return MechanismFit(*(np.where(whole, found, np.nan) for found in (drawn, np.asarray(u))))
