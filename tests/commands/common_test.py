"""What every command does: how it ends, and what it says of flags that cannot be."""

import subprocess
import sys

import pytest
from commands import ENVIRONMENT

from cdae_jax.commands.common import sentence

ENDS = """
import warnings
from cdae_jax.errors import InputError
from cdae_jax.training.loop import NonFiniteLoss, Stopped
from cdae_jax.commands import common

def main():
    warnings.warn("a poor image")
    if error is not None:
        raise error

for error in (None, Stopped("stopped as asked"), InputError("no such angle"), NonFiniteLoss("the loss is nan")):
    try:
        common.run(main)
    except SystemExit as ended:
        print(ended.code)
"""


def test_a_command_ends_with_a_sentence_and_the_code_of_its_cause():
    done = subprocess.run([sys.executable, "-c", ENDS], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.stdout.split("\n") == ["None", "stopped as asked", "None", "2", "3", ""], done.stderr
    assert done.stderr.splitlines() == ["warning: a poor image", "error: no such angle", "error: the loss is nan"]


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
