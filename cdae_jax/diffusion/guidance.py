"""Functions of denoisers: eps_fn(x_t, t) -> eps in, eps_fn out. Knows no Flax."""

from collections.abc import Sequence
from typing import NamedTuple

import jax

from cdae_jax.diffusion.ddim import EpsFn


def guide(eps_cond: EpsFn, eps_null: EpsFn, strength: float) -> EpsFn:
    """Classifier-free guidance (Ho & Salimans, arXiv 2207.12598): eps_w = w eps(z) + (1 - w) eps(null).

    w = 0 ignores the condition, w = 1 follows it, w > 1 amplifies it. A Python w of 0 or 1 costs one
    evaluation, any other w two.
    """
    if strength == 1:
        return eps_cond
    if strength == 0:
        return eps_null
    return lambda x_t, t: strength * eps_cond(x_t, t) + (1 - strength) * eps_null(x_t, t)


class Strength(NamedTuple):
    """How much of each change is made.

    part: [n] in 0..1, for every variable: the part of an intervention that is made on its latent, before anything is
    decoded. beyond: [G] int32 indices of the intervened variables whose change is exaggerated, [G] by: their
    strengths, above 1 (`grade`).
    """

    part: jax.Array
    beyond: jax.Array
    by: jax.Array


def mix(values: Sequence, strengths: jax.Array | None):
    """values_0 + sum_k w_k (values_k - values_{k-1}); strengths [K] for K + 1 values, None for one alone."""
    return sum((strengths[k] * (values[k + 1] - values[k]) for k in range(len(values) - 1)), values[0])


def grade(eps_fns: Sequence[EpsFn], strengths: jax.Array | None) -> EpsFn:
    """Exaggerates several changes of the condition, each by itself:

        eps = eps_0 + sum_k w_k (eps_k - eps_{k-1})

    eps_0 sees the latents without these changes, eps_k those under the first k of them. w = 1 makes a change, above 1
    exaggerates it and nothing else; with all w = 1 the sum telescopes to the last eps_k. (Decoupled guidance, after
    arXiv 2506.14399, but about the factual condition instead of the null one.) w = 0 leaves a change out, but between
    0 and 1 the decoder shows some of both scenes: `Strength` makes part of a change in z instead. strengths: [K] for
    K + 1 functions, each evaluated once; None for one function, which is returned as it is.
    """
    return lambda x_t, t: mix([function(x_t, t) for function in eps_fns], strengths)
