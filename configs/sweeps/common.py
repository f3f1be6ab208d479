"""What sweep files are made of."""

from cdae_jax.presets.sweeps import grid, with_seeds, zipped

__all__ = ["grid", "with_seeds", "zipped"]
