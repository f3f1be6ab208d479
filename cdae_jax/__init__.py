"""Counterfactual image generation with causal diffusion autoencoders."""

from cdae_jax.errors import InputError
from cdae_jax.inference import TrainedModel
from cdae_jax.loading import load

__all__ = ["InputError", "TrainedModel", "load"]
