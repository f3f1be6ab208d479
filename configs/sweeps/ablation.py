"""What each part of our method buys: ours without one of them."""

from cdae_jax.presets.sweeps.ablation import get_sweep

__all__ = ["get_sweep"]
