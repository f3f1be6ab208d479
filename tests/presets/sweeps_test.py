"""What sweep files are made of: axes that combine, go together, and get seeds."""

import pytest

from configs.sweeps.common import grid, with_seeds, zipped


def test_axes_combine_and_zip():
    assert grid({"a": (1, 2), "b": (3, 4)}) == [{"a": 1, "b": 3}, {"a": 1, "b": 4}, {"a": 2, "b": 3}, {"a": 2, "b": 4}]
    assert zipped({"a": (1, 2), "b": (3, 4)}) == [{"a": 1, "b": 3}, {"a": 2, "b": 4}]
    assert with_seeds([{"a": 1}], (5, 6)) == [{"a": 1, "train.seed": 5}, {"a": 1, "train.seed": 6}]
    with pytest.raises(ValueError, match=r"lengths \[1, 2\]"):
        zipped({"a": (1, 2), "b": (3,)})
