"""Whether the mechanisms say what the labels say: effects drawn anew given their true causes, and the noise left."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.model.network import Network


class MechanismFit(NamedTuple):
    """What mechanisms say of labels [N, n]; NaN where a label of the variable or of its causes is unknown.

    drawn: standardised labels, each effect by its mechanism from fresh noise and the true labels of its causes; u: the
    noise that the labels imply, a mean over each block.
    """

    drawn: np.ndarray
    u: np.ndarray


def fit_of(net: Network, y: np.ndarray, seed: int = 0) -> MechanismFit:
    """Of standardised labels y [N, n], NaN where unknown. Where a mechanism fits, drawn effects are spread as the true
    ones are around their causes, and u is spread as N(0, 1) whatever the causes."""
    y = np.asarray(y, np.float32)
    codes = net.codes(jnp.nan_to_num(y))
    conditionals = net.conditionals(codes)
    noise = jax.random.normal(jax.random.key(seed), (*y.shape, 1))  # one for a block: codes stay codes
    drawn = net.labels_of(conditionals.z_of(jnp.broadcast_to(noise, codes.shape))[0])
    u = conditionals.u_of(codes)[0].mean(-1)
    known = np.isfinite(y)
    whole = np.stack([known[:, (i, *parents)].all(1) for i, parents in enumerate(net.graph.parents)], 1)
    is_effect = np.array([bool(parents) for parents in net.graph.parents])
    return MechanismFit(*(np.where(whole, found, np.nan) for found in (np.where(is_effect, drawn, y), np.asarray(u))))
