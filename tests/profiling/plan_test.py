"""Plans for TPU slices, compiled without one."""

from typing import NamedTuple

import jax
import pytest
from short_runs import settings_with

from cdae_jax.distributed import sharding
from cdae_jax.errors import InputError
from cdae_jax.profiling import plan

HLO = """
  %all-reduce.1 = (f32[10,3]{1,0:T(8,128)}, bf16[4]{0}) all-reduce(%a, %b), replica_groups={}
  %ag = f32[256]{0} all-gather-start(%p), dimensions={0}
  %done = f32[256]{0} all-gather-done(%ag)
  %x = f32[8]{0} add(%a, %b)
  %again = f32[] all-reduce(%s), replica_groups={}
"""


def test_collectives_are_counted_with_the_bytes_of_their_results():
    assert plan.collectives_of(HLO) == {
        "all-reduce": {"count": 2, "bytes": 4 * 30 + 2 * 4 + 4},
        "all-gather": {"count": 1, "bytes": 1024},
    }


def test_the_largest_batch_lies_on_the_line_through_two():
    assert plan.largest_batch((4, 140.0), (8, 180.0), 1000.0) == 90  # 100 + 10 per image
    assert plan.largest_batch((4, 140.0), (8, 180.0), 90.0) == 0
    assert plan.largest_batch((4, 140.0), (8, 140.0), 1000.0) is None


class FakeProgram:
    """What `plan.program` asks of a compiled program."""

    argument_size_in_bytes, output_size_in_bytes, temp_size_in_bytes = 100, 60, 30
    alias_size_in_bytes, generated_code_size_in_bytes = 50, 7

    def memory_analysis(self):
        return self

    def cost_analysis(self):
        return {"flops": 400.0, "bytes accessed": 100.0}

    def as_text(self):
        return "%r = f32[25]{0} all-reduce(%x)"


class FakeMesh(NamedTuple):
    """As many chips."""

    size: int


@pytest.mark.parametrize(
    ("chip", "seconds", "bound"),
    [
        (plan.Chip(100.0, 1e3, 1e3, 1e3), 12.0, "arithmetic"),
        (plan.Chip(1e9, 1e3, 10.0, 1e3), 30.0, "memory"),
        (plan.Chip(1e9, 1e3, 1e9, 2.0), 100.0, "links"),
    ],
)
def test_the_slowest_of_three_bounds_a_step(chip, seconds, bound):
    found = plan.program(FakeProgram(), chip, FakeProgram(), times=2)
    assert found["seconds"] == pytest.approx(seconds) and found["bound"] == bound
    assert found["bytes"] == 147 and found["flops"] == 1200 and found["intensity"] == 4
    assert found["collectives"] == {"all-reduce": {"count": 1, "bytes": 100}}


@pytest.mark.parametrize("topology", ["v5e", "v3:2x2", "v5e:2", "h100:8", "v5e:2xtwo"])
def test_other_topologies_are_refused(topology):
    with pytest.raises(InputError, match="expected one of v5e, v5p, v6e, a colon and the slice, such as v5e:4x4"):
        plan.chip_of(topology)


@pytest.mark.parametrize(
    ("slices", "steps", "largest"),
    [
        # What FakeProgram holds, 147 bytes, and 10 per image and chip: 85 images fill 1000 bytes.
        ([("v5e:a", 2, 16), ("v5e:b", 4, 16), ("v5e:c", 8, 8)], [(2, 16), (4, 16), (8, 8)], [170, 340, 680]),
        ([("v5e:a", 2, 16)], [(2, 16), (2, 32)], [170]),
        ([("v5e:a", 2, 16), ("v5e:b", 4, 32)], [(2, 16), (2, 32), (4, 32), (4, 64)], [170, 340]),  # 8 per chip each
    ],
)
def test_the_batch_that_fits_is_found_from_the_other_slices_where_they_differ(monkeypatch, slices, steps, largest):
    chip, compiled = plan.Chip(1.0, 1000.0, 1.0, 1.0), []
    of = {name: plan.Slice(name, chip, FakeMesh(chips), batch) for name, chips, batch in slices}

    def compile_step(settings, mesh, batch_size):
        compiled.append((mesh.size, batch_size))
        step = FakeProgram()
        step.temp_size_in_bytes = 30 + 10 * batch_size // mesh.size
        return step

    monkeypatch.setattr(plan, "slice_of", lambda settings, topology, batch_size: of[topology])
    monkeypatch.setattr(plan, "compile_train_step", compile_step)
    monkeypatch.setattr(plan, "compile_counterfactual", lambda settings, mesh, batch_size: FakeProgram())
    monkeypatch.setattr(plan, "compile_evaluation", lambda settings, mesh, batch_size: FakeProgram())
    found = list(plan.plan(settings_with(), list(of)))
    assert compiled == steps
    assert [row["train"]["largest_batch"] for row in found] == largest
    assert [row["topology"] for row in found] == list(of)


def test_every_evaluation_of_a_counterfactual_is_counted():
    """The compiler counts the body of a loop once: the UNet, whatever an image passes, and what reads an image."""
    evaluation = plan.compile_evaluation(settings_with(), sharding.make_mesh(1), 8).cost_analysis()["flops"]

    def flops(**sampling):
        settings = settings_with(sample={"num_steps": 4, "abduction": "restore", **sampling})
        compiled = plan.compile_counterfactual(settings, sharding.make_mesh(1), 8)
        held = compiled.cost_analysis()["flops"]
        assert evaluation < held < 3 * evaluation
        return held + plan.missing_evaluations(settings.sample) * evaluation

    assert flops(corrections=2) / flops(corrections=0) == pytest.approx((1 + 1 + 3) / (1 + 1 + 1), rel=0.1)


def test_a_decoder_without_diffusion_is_refused():
    with pytest.raises(InputError, match='config.model.decoder is "conv"'):
        plan.plan(settings_with("smoke,method=causalvae"), ["v5e:2x2"])


def test_what_does_not_fit_the_chips_is_refused_and_other_errors_are_not():
    of = plan.Slice("v5e:a", plan.Chip(1.0, 16 * 2**30, 1.0, 1.0), FakeMesh(4), 32)

    def failing(message):
        def compile_it(*_):
            raise jax.errors.JaxRuntimeError(message)

        return compile_it

    with pytest.raises(InputError, match="16 images per chip do not fit the 16 GiB of a v5e:a chip: use a smaller"):
        plan.program_on(of, failing("RESOURCE_EXHAUSTED: no space"), settings_with(), 64)
    with pytest.raises(InputError, match="do not fit the 16 GiB"):
        plan.program_on(of, lambda *_: None, settings_with(), 64, failing("RESOURCE_EXHAUSTED: no space"), times=1)
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        plan.program_on(of, failing("INTERNAL: bug"), settings_with(), 64)


@pytest.mark.parametrize(("given", "num", "batch_size"), [(None, 4, 16), (None, 8, 64), (128, 8, 128)])
def test_a_batch_is_the_configs_or_one_image_for_each_chip_and_part(monkeypatch, given, num, batch_size):
    monkeypatch.setattr(plan, "devices_of", lambda topology: jax.devices()[:num])
    settings = settings_with(
        model={"decoder": "refiner"}, train={"refine_every": 2}, system={"microbatches": num // 2, "fsdp": 2}
    )
    of = plan.slice_of(settings, "v5e:2x4", given)
    assert of.batch_size == batch_size and of.mesh.shape == {"data": num // 2, "fsdp": 2}
    assert of.per_chip == batch_size // num and of.chip == plan.CHIPS["v5e"]
