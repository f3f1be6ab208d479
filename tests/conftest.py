"""Every test runs on 8 fake devices, without implicit dtype or rank promotion."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import pytest

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(scope="session")
def trained_pendulum(tmp_path_factory):
    """The workdir of a Pendulum model trained for a few steps, with its config."""
    from cdae_jax.settings import Settings
    from cdae_jax.train import train_model
    from configs.pendulum import get_config

    config = get_config("smoke")
    folder = tmp_path_factory.mktemp("runs")
    config.data.data_dir = str(folder / "data")
    return train_model(Settings.from_dict(config.to_dict()), folder / "pendulum")
