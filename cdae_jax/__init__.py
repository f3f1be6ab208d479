"""Counterfactual image generation with causal diffusion autoencoders."""

import importlib
import os
from typing import TYPE_CHECKING

from cdae_jax.errors import InputError
from cdae_jax.inference.loading import load
from cdae_jax.inference.trained_model import TrainedModel

if TYPE_CHECKING:
    from cdae_jax.evaluation.calibrate import calibrate
    from cdae_jax.evaluation.evaluate import evaluate
    from cdae_jax.inference.fit import fit

__all__ = ["InputError", "TrainedModel", "calibrate", "evaluate", "fit", "load"]

_LATER = {
    "calibrate": "cdae_jax.evaluation.calibrate",
    "evaluate": "cdae_jax.evaluation.evaluate",
    "fit": "cdae_jax.inference.fit",
}


def __getattr__(name: str):
    if name in _LATER:  # takes a second or two to import, so only on first use
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# XLA's CPU backend hands what it can to YNNPACK, which is slower here: a counterfactual takes half the time without
# (docs/performance.md). The flag is read when JAX is first used, and one that the user has set stays.
_YNN = "--xla_cpu_experimental_ynn_fusion_type"
if _YNN not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_YNN}=".strip()
