"""What every command does: how it ends, and what it says of flags that cannot be."""

import json
import pathlib
import subprocess
import sys

import pytest
from commands import ENVIRONMENT, command, face_of, run_here

from cdae_jax.commands.common import sentence
from cdae_jax.commands.main import COMMANDS

CONFIG = "--config=configs/pendulum.py:smoke"

ENDS = """
import warnings
from cdae_jax.errors import InputError
from cdae_jax.training.loop import NonFiniteLoss, Stopped
from cdae_jax.commands import common

def main():
    warnings.warn("a poor image")
    if error is not None:
        raise error

denied = PermissionError(13, "Permission denied", "runs/a")
mistakes = (InputError("no such angle"), NonFiniteLoss("the loss is nan"), denied, KeyboardInterrupt())
for error in (None, Stopped("stopped as asked"), *mistakes):
    try:
        common.run(main)
    except SystemExit as ended:
        print(ended.code)
"""


def test_a_command_ends_with_a_sentence_and_the_code_of_its_cause():
    done = subprocess.run([sys.executable, "-c", ENDS], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.stdout.split("\n") == ["None", "stopped as asked", "None", "2", "3", "2", "130", ""], done.stderr
    assert done.stderr.splitlines() == [
        "warning: a poor image",
        "error: no such angle",
        "error: the loss is nan",
        "error: 'runs/a' cannot be used (Permission denied): choose a folder that you may read and write",
        "error: interrupted",
    ]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("stepz"), "stepz"),
        (ValueError("two\n  lines"), "two lines"),
        (ValueError("'quoted'"), "quoted"),
        (
            ValueError("Error:\\nTraceback (most recent call last):\\n  File\\nValueError: no size"),
            "no size",
        ),
        (
            ValueError("flag --a=None: Flag --a must have a value other than None."),
            "--a is missing: see --help",
        ),
        (TypeError(), ""),
    ],
)
def test_an_error_is_told_in_one_line(error, told):
    assert sentence(error) == told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--parts=latents", "--parts=figures"), "--parts is given 2 times: give all in one, separated by commas"),
        (("--workdirr=x",), "Did you mean: workdir"),
        (("--num_images=many",), "many"),
        (("--workdir=$NO_SUCH_VARIABLE/x",), "a variable of the environment that is not known here"),
    ],
)
def test_flags_that_cannot_be_are_told_in_one_sentence(given, told, capsys):
    with pytest.raises(SystemExit) as ended:
        run_here("evaluate", "--workdir=x", *given)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and told in line


def test_a_face_may_be_started_by_its_file_too():
    """Its folder then comes first among those of modules, where inspect.py hides Python's own."""
    faces = sorted(pathlib.Path("experiments").glob("[a-z]*.py"))
    assert {path.stem for path in faces} == set(COMMANDS) - {"fit"} | {"pytorch_twin"}  # a benchmark, no command
    done = subprocess.run(
        [sys.executable, "experiments/export.py", "--help"], capture_output=True, text=True, env=ENVIRONMENT
    )
    assert done.returncode == 0 and done.stdout.startswith("A trained model as one file"), done.stderr


# Started elsewhere: in training/checkpoint_test.py, explorer/page_test.py, environment_test.py and their own files;
# compare by baselines.
ELSEWHERE = {"train", "explore", "generate", "plan", "sweep", "baselines", "compare"}
DONE = (
    ("benchmark", (CONFIG, "--parts=input", "--seconds=0"), "| input |"),
    ("benchmark_data", ("--seconds=0.1",), "128 x 128 x 3, batches of 128: "),
    ("counterfactual", ("--workdir={model}", "--do=angle=20", "--num=2", "--output={0}/cf.png"), "wrote "),
    ("export", ("--workdir={model}", "--output={0}/model.cdae"), "{0}/model.cdae: "),
    ("inspect", (CONFIG,), "Pendulum: 224 training, 32 validation and 64 test images"),
    ("make_example", ("--output={0}/example", "--num=100"), "wrote 100 images"),
)
REFUSED = (
    ("calibrate", ("--workdir={0}/none",), "no folder or file '{0}/none'"),
    ("convert_judges", (), " is missing: see --help"),
    ("evaluate", (), "--workdir is missing: see --help"),
    ("fit", (), " is missing: see --help"),
    ("frontier", ("--workdir={0}/none",), "no folder or file '{0}/none'"),
    ("leak", ("--workdir={0}/none",), "no folder or file '{0}/none'"),
    ("mechanisms", (), "neither --config nor --example is given"),
    ("strength", ("--workdir={0}/none",), "no folder or file '{0}/none'"),
)


def test_every_command_is_started_as_a_process_once():
    assert sorted([name for name, *_ in (*DONE, *REFUSED)] + list(ELSEWHERE)) == sorted(COMMANDS)


@pytest.mark.parametrize(("name", "given", "told"), DONE)
def test_every_command_ends_well(trained_pendulum, tmp_path, name, given, told):
    wide = str(int(name == "counterfactual"))  # one of them where JAX is told to use 64 bits
    done = command(name, *(flag.format(tmp_path, model=trained_pendulum) for flag in given), JAX_ENABLE_X64=wide)
    assert done.returncode == 0, done.stderr
    assert told.format(tmp_path) in done.stdout


# Each is a process, but what takes seconds to import they have from the one that they are forks of.
FORKS = """
import json, os, runpy, sys
import cdae_jax
for i, (module, *given) in enumerate(json.loads(sys.argv[1])):
    if not os.fork():
        os.dup2(os.open(f"{i}.txt", os.O_CREAT | os.O_WRONLY), sys.stderr.fileno())
        sys.argv = [module, *given]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        sys.exit()
    print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_every_command_that_is_refused_says_why_and_ends_with_2(tmp_path):
    given = [[*face_of(name), *(flag.format(tmp_path) for flag in flags)] for name, flags, _ in REFUSED]
    environment = ENVIRONMENT | {"PYTHONPATH": str(pathlib.Path.cwd())}
    forks = [sys.executable, "-c", FORKS, json.dumps(given)]
    done = subprocess.run(forks, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.stdout.split() == ["2"] * len(REFUSED), done.stderr
    for i, (_, _, told) in enumerate(REFUSED):
        said = (tmp_path / f"{i}.txt").read_text()
        assert said.splitlines()[-1].startswith("error: ") and "Traceback" not in said
        assert told.format(tmp_path) in said.splitlines()[-1]
