"""Functions of denoisers: eps_fn(x_t, t) -> eps in, eps_fn out."""

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
