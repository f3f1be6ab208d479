"""Single precision where the environment asks for double: inside, and only there."""

import jax
import jax.numpy as jnp
import pytest

from cdae_jax.precision import in_float32


def kind():
    return jnp.ones(2).dtype


def test_a_function_computes_in_single_precision_and_leaves_the_rest_alone():
    with jax.enable_x64(True):
        assert in_float32(kind)() == jnp.float32
        assert kind() == jnp.float64
        with pytest.raises(ZeroDivisionError):
            in_float32(lambda: 1 // 0)()
        assert kind() == jnp.float64
    assert kind() == jnp.float32


def test_arguments_results_and_the_name_pass_through():
    assert in_float32(divmod)(7, 4) == (1, 3) and in_float32(kind).__name__ == "kind"
