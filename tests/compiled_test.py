"""How programs are compiled, and where they are kept, by commands and by whoever loads a model."""

import pathlib

import jax
import numpy as np
import pytest

import cdae_jax
from cdae_jax.compiled import jit_once, keep_compiled_programs


@pytest.fixture(autouse=True)
def kept_config(monkeypatch):
    """No cache folder in the environment; JAX's own is as before afterwards."""
    before = jax.config.jax_compilation_cache_dir, jax.config.jax_persistent_cache_min_compile_time_secs
    for name in ("JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    jax.config.update("jax_compilation_cache_dir", before[0])
    jax.config.update("jax_persistent_cache_min_compile_time_secs", before[1])


def test_programs_are_kept_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    keep_compiled_programs()
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "cdae_jax") and (tmp_path / "cdae_jax").is_dir()


def test_without_a_home_nothing_is_kept(monkeypatch):
    def home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(pathlib.Path, "home", home)
    keep_compiled_programs()
    assert jax.config.jax_compilation_cache_dir is None


@pytest.mark.parametrize("cache", ["/dev/null", "/proc/none"])
def test_in_a_folder_that_cannot_be_written_nothing_is_kept(monkeypatch, cache):
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    keep_compiled_programs()
    assert jax.config.jax_compilation_cache_dir is None


def test_a_cache_of_the_users_own_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS")
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 7.0)
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "own"))
    keep_compiled_programs()
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "own") and not (tmp_path / "cdae_jax").exists()
    assert jax.config.jax_persistent_cache_min_compile_time_secs == 7
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "own"))
    keep_compiled_programs()
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "own")
    assert jax.config.jax_persistent_cache_min_compile_time_secs == 0.1


def test_whoever_loads_a_model_finds_its_programs_the_next_time(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cdae_jax.load("pendulum")
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "cdae_jax")


def test_what_runs_once_is_as_it_would_be_and_not_optimised_on_a_cpu_alone(monkeypatch):
    given = jax.numpy.linspace(-2, 2, 9)
    np.testing.assert_allclose(jit_once(jax.lax.erf)(given), jax.lax.erf(given), rtol=1e-6)
    np.testing.assert_array_equal(jit_once(lambda x, least: x[least:], static_argnums=1)(given, 4), given[4:])
    asked = []
    monkeypatch.setattr(jax, "jit", lambda fun, **how: asked.append(how["compiler_options"]))
    for backend in ("cpu", "tpu"):  # whose compiler knows no such option
        monkeypatch.setattr(jax, "default_backend", lambda backend=backend: backend)
        jit_once(jax.lax.erf)
    assert asked == [{"xla_backend_optimization_level": 0}, None]
