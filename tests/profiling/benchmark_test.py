"""What the benchmark counts and measures."""

import jax
import jax.numpy as jnp
import pytest
from short_runs import settings_with

from cdae_jax.commands.config import config_of
from cdae_jax.errors import InputError
from cdae_jax.model.causal_diffae import params_shapes
from cdae_jax.profiling import benchmark
from cdae_jax.settings.run import Settings

pytestmark = pytest.mark.usefixtures("one_device_alone")


def shapes_of(settings):
    """Of the parameters."""
    return params_shapes(settings.make_model(0), (16, 16, 3))


@pytest.mark.parametrize("decoder", ["diffusion", "refiner"])
def test_flops_are_those_of_the_program(decoder):
    product = jax.jit(jnp.matmul).lower(jnp.zeros((8, 16)), jnp.zeros((16, 4)))
    assert benchmark._flops(product) == 2 * 8 * 16 * 4
    settings = settings_with(model={"decoder": decoder})
    given = settings.make_model(0), shapes_of(settings), settings
    one, four = (benchmark.flops_per_pass(*given, batch) for batch in (1, 4))
    assert four == pytest.approx(4 * one, rel=0.01)
    # The first convolution alone: 3 x 3 taps on 4 x 4 positions from 48 folded channels to 8.
    assert one > 2 * 9 * 16 * 48 * 8


def test_flops_are_counted_for_the_cpu_wherever_the_program_runs(monkeypatch):
    settings = settings_with()
    asked, device = [], benchmark.counting_device()
    monkeypatch.setattr(benchmark, "counting_device", lambda: asked.append(True) or device)
    step = benchmark.flops_per_step(settings)
    one = benchmark.flops_per_pass(settings.make_model(0), shapes_of(settings), settings, settings.train.batch_size)
    assert 3 * one < step < 12 * one and len(asked) == 2 and device.platform == "cpu"


def test_jax_without_its_cpu_backend_cannot_count(monkeypatch):
    def no_cpu(backend):
        raise RuntimeError(f"unknown backend {backend}")

    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    monkeypatch.setattr(jax, "local_devices", no_cpu)
    with pytest.raises(InputError, match="JAX_PLATFORMS is 'cuda', without the CPU.*use 'cuda,cpu'"):
        benchmark.counting_device()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_product_is_of_the_dtype_that_the_model_computes_in(dtype, monkeypatch):
    products = []
    monkeypatch.setattr(benchmark, "MATMUL_SIZES", {"cpu": 16})
    monkeypatch.setattr(benchmark, "seconds_of", lambda function, _: products.append(function()) or 0.5)
    assert benchmark.matmul_flops(dtype, 0.0) == 2 * 16**3 / 0.5
    assert products[0].dtype == dtype and products[0].shape == (16, 16)


def test_the_shortest_of_some_calls_counts_and_the_first_does_not(monkeypatch):
    clock, taken = [0.0], iter([9.0, 3.0, 1.0, 2.0, 5.0])
    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: clock[0])

    def call():
        clock[0] += next(taken)

    assert benchmark.seconds_of(call, 5.5) == 1.0 and clock[0] == 15.0  # until 9 + 5.5
    assert benchmark.seconds_of(lambda: None, 0.0) == 0.0


@pytest.mark.parametrize(("name", "channels"), [("pendulum", 3), ("morpho_mnist", 1)])
def test_random_images_have_the_shape_of_the_datas(name, channels):
    settings = Settings.from_dict(config_of(name, "smoke").to_dict())
    split = benchmark.random_split(settings, 5)
    side = settings.data.resolution
    assert split.images.shape == (5, side, side, channels) and split.labels.shape == (5, len(settings.graph))


def test_of_a_conv_decoder_only_the_training_is_measured():
    settings = settings_with("smoke,method=causalvae")
    with pytest.raises(InputError, match='config.model.decoder is "conv".*--parts=train,input'):
        benchmark.benchmark(settings, 0.0)
    trained = benchmark.benchmark(settings, 0.0, ["train"])["train"]
    assert trained["step_seconds"] > 0 and 0 < trained["share_of_matmul"] < 1


def test_one_part_can_be_measured_alone_and_an_unknown_one_is_refused():
    found = benchmark.benchmark(settings_with(), 0.0, ["input"])
    assert set(found) == {"device", "matmul_flops_per_second", "input_images_per_second", "peak_mib"}
    with pytest.raises(InputError, match="no part 'trian' of the benchmark: expected some of train, counterfactual"):
        benchmark.benchmark(settings_with(), 0.0, ["trian"])
    with pytest.raises(InputError, match="the batch size 15 is not a multiple of the 1 devices times 2 microbatches"):
        benchmark.benchmark(settings_with(train={"batch_size": 15}, system={"microbatches": 2}), 0.0)
