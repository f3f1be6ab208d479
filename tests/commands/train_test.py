"""`cdae train`: configs, settings and data that cannot be, and a run that flags change."""

import shutil

import pytest
from commands import run_here

from cdae_jax.errors import InputError

CONFIG = "--config=configs/pendulum.py:smoke"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((CONFIG, "--config.train.stepz=3"), ("stepz", 'Did you mean "steps"')),
        ((CONFIG, "--config.train.steps=many"), ("many",)),
        (("--config=configs/pendulum.py:huge",), ("huge", "cpu, smoke, paper")),
        (("--config=configs/pendulum.py:smoke,method=gan",), ("gan", "ours, paper, released")),
        (("--config=configs/nothing.py",), ("there is no config 'configs/nothing.py'",)),
        (("--config=pendlum:smoke",), ("there is no config 'pendlum'", "did you mean 'pendulum'")),
        ((CONFIG, "--workdir=gs://bucket/run"), ("'gs://bucket/run' is on gs://",)),
        (("--config=configs/custom.py:smoke",), ("expected a size and a graph file",)),
        (("--config=configs/custom.py:smoke,nowhere.json",), ("the graph file 'nowhere.json' cannot be read",)),
        ((), ("--config is missing: see --help",)),
    ],
)
def test_flags_that_no_config_has_end_a_command_with_one_sentence(flags, told, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        run_here("train", f"--workdir={tmp_path}/run", *flags)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and all(part in line for part in told), line


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((CONFIG, "--config.data.resolution=18"), "image side 18"),
        ((CONFIG, "--num_processes=2"), "need --coordinator=host:port of process 0"),
        (("--config=configs/causal_circuit.py:smoke",), "--config.data.circuit_dir"),
        (
            ("--config=configs/morpho_mnist.py:smoke", "--config.data.mnist_dir=tests", "--config.data.data_dir=/no"),
            "train-images-idx3-ubyte",
        ),
    ],
)
def test_settings_and_data_that_cannot_be_are_named(flags, message, tmp_path):
    with pytest.raises(InputError, match=message):
        run_here("train", f"--workdir={tmp_path}/run", *flags)


def test_the_command_trains_by_the_flags_changes(trained_pendulum, tmp_path, capsys):
    copy = shutil.copytree(trained_pendulum, tmp_path / "copy")
    data = f"--config.data.data_dir={trained_pendulum.parent}/data"
    run_here("train", CONFIG, data, f"--workdir={copy}")  # it is finished
    assert capsys.readouterr().out == f"trained; next: cdae evaluate --workdir={copy}\n"
    with pytest.raises(InputError, match=r"train.batch_size 16 \(now 8\)"):
        run_here("train", CONFIG, data, f"--workdir={copy}", "--config.train.batch_size=8")
    with pytest.raises(InputError, match=r"--init_from left out \(now pendulum\)"):
        run_here("train", CONFIG, data, f"--workdir={copy}", "--init_from=pendulum")
