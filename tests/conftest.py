"""Every test runs on 8 fake devices (on one in files that ask for it), without implicit dtype or rank promotion.

What one test has compiled, the others and the commands that they start find in a folder of this session.
"""

import atexit
import gc
import importlib.metadata
import os
import pathlib
import shutil
import tempfile

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Most of the time of these tests is compilation, which this more than halves; loops over many numbers get slower.
# Two workers on two cores gain nothing from programs split into parts that compile side by side: splitting is a fifth.
# XLA ends the process at a flag that it does not know, as the last one from JAX 0.11 on.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1"
    + (" --xla_cpu_use_fusion_emitters=false" if importlib.metadata.version("jax") < "0.11" else ""),
)

import jax
import jax.numpy as jnp
import pytest
from devices import one_device
from workers import one_worker

# Set once by the process that starts the workers, for them and for the commands that tests start.
COMPILED = os.environ.get("CDAE_JAX_TEST_CACHE")
if COMPILED is None:
    COMPILED = tempfile.mkdtemp(prefix="cdae_jax_compiled_")
    atexit.register(shutil.rmtree, COMPILED, ignore_errors=True)
    os.environ |= {"CDAE_JAX_TEST_CACHE": COMPILED, "JAX_COMPILATION_CACHE_DIR": COMPILED}
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.5"
jax.config.update("jax_compilation_cache_dir", COMPILED)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(scope="module", autouse=True)
def few_programs():
    """Linux lets a process map memory 65,530 times, a compiled program does so hundreds of times, and a compiler that
    cannot ends the process: so what is compiled is forgotten after a file that leaves half of them."""
    yield
    maps = pathlib.Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > 30_000:
        jax.clear_caches()
        gc.collect()


@pytest.fixture(scope="session")
def trained_pendulum():
    """The workdir of a Pendulum model trained for a few steps, once for all workers: to read, or to copy."""
    from short_runs import settings_with

    from cdae_jax.training.loop import train_model

    with one_worker("pendulum") as folder:
        if not (folder / "train.json").is_file():  # written at the end
            train_model(settings_with(data={"data_dir": str(folder.parent / "data")}), folder)
    return folder


@pytest.fixture
def idle(monkeypatch):
    """Training steps that learn nothing, for what is around them."""
    from short_runs import idle_step

    monkeypatch.setattr("cdae_jax.training.step.train_step", idle_step)


@pytest.fixture(scope="module")
def one_device_alone():
    """One device for a whole file: eight of them are as many times a small computation."""
    with one_device():
        yield


@pytest.fixture(scope="session")
def batch():
    """A batch for the objective of Pendulum's smoke model, every label known."""
    key_x, key_y = jax.random.split(jax.random.key(2))
    return {
        "x": jax.random.uniform(key_x, (8, 16, 16, 3), minval=-1, maxval=1),
        "y": jax.random.normal(key_y, (8, 4)),
        "context": jnp.zeros((8,), jnp.int32),
        "intervened": jnp.zeros((8, 4), bool),
    }


# What takes longest starts first, else one worker waits for the other at the end.
LONG = ("commands/baselines_test.py", "presets/methods_test.py", "training/mechanisms_test.py", "training/loop_test.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not item.nodeid.partition("::")[0].endswith(LONG))


def pytest_collection_finish():
    """Imports stay; tracing makes so many objects that looking through all of them for garbage is much of a test."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def pytest_terminal_summary(terminalreporter):
    """What the tests of each room took, the longest first: added up over the workers."""
    seconds: dict[str, float] = {}
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        if isinstance(report, pytest.TestReport):
            parts = pathlib.PurePath(report.nodeid.split("::")[0]).parts
            folder = parts[1] if len(parts) > 2 else "tests"
            seconds[folder] = seconds.get(folder, 0) + report.duration
    terminalreporter.section("seconds by folder")
    for folder, spent in sorted(seconds.items(), key=lambda item: -item[1]):
        terminalreporter.write_line(f"{spent:7.1f} {folder}")
