"""How few labels suffice: ours, ours on the labelled images alone, and label-conditional diffusion."""

from cdae_jax.presets.sweeps.label_fraction import get_sweep

__all__ = ["get_sweep"]
