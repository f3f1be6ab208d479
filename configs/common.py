"""What config files are made of: the package's presets as a ConfigDict, whose fields flags may change."""

from cdae_jax.commands.config import config_of, own_config

__all__ = ["config_of", "own_config"]
