"""`cdae compare`: folders that cannot be compared, and where the answer cannot go."""

import pytest
from commands import run_here

from cdae_jax.errors import InputError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--workdirs={0},{1}",), "metrics.json cannot be read"),
        (("--workdirs={0}", "--names=a,b"), "--names gives a, b: expected 1 names, one per workdir"),
        (("--workdirs={0}", "--output={1}/none/x"), "expected the start of a file name in a folder that exists"),
    ],
)
def test_mistakes_in_comparisons_are_named(evaluated, tmp_path, given, message):
    with pytest.raises(InputError, match=message):
        run_here("compare", *(flag.format(evaluated[0], tmp_path) for flag in given))
