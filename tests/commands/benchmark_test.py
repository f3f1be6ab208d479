"""`cdae benchmark`: the table, and the numbers that it follows from."""

import json

import pytest
from commands import run_here

pytestmark = pytest.mark.usefixtures("one_device_alone")


def test_the_command_prints_a_table_of_shares_that_follow_from_what_was_measured(tmp_path, capsys):
    run_here("benchmark", "--config=configs/pendulum.py:smoke", "--seconds=0", f"--output={tmp_path}/b.json")
    told = capsys.readouterr().out
    assert "| train step |" in told and "of the matrix product" in told
    found = json.loads((tmp_path / "b.json").read_text())
    train, answer, peak = found["train"], found["counterfactual"], found["matmul_flops_per_second"]
    assert train["share_of_matmul"] == pytest.approx(train["flops"] / train["step_seconds"] / peak)
    assert 0 < train["share_of_matmul"] < 1 and 0 < answer["share_of_matmul"] < 1
    assert train["images_per_second"] == pytest.approx(16 / train["step_seconds"])
    assert answer["evaluations"] == 8 and answer["seconds"] == pytest.approx(64 * answer["seconds_per_image"])
    assert found["input_images_per_second"] > 0 and found["peak_mib"] > 10 and train["compile_seconds"] > 0
