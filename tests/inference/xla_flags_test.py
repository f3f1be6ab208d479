"""The flag that the package gives XLA."""

import os
import subprocess
import sys

import pytest

COMPILE = """
import cdae_jax, jax, jax.numpy as jnp
print(jax.jit(lambda a, b: jax.nn.relu(a @ b)).lower(jnp.ones((64, 64)), jnp.ones((64, 64))).compile().as_text())
"""
YNN = "--xla_cpu_experimental_ynn_fusion_type="


@pytest.mark.parametrize(
    ("given", "is_there"),
    [(None, False), ("--xla_cpu_enable_fast_math=false", False), (f"{YNN}LIBRARY_FUSION_TYPE_DOT", True)],
)
def test_ynnpack_is_off_unless_the_user_has_it_on(given, is_there):
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    environment |= {} if given is None else {"XLA_FLAGS": given}
    done = subprocess.run([sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ("ynn" in done.stdout) == is_there
