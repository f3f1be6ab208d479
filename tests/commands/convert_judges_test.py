"""`cdae convert_judges`: the benchmark's checkpoints become the arrays that they hold."""

import numpy as np
import pytest
from commands import run_here
from judges import random_weights
from torch_checkpoints import write_checkpoint

from cdae_jax.errors import InputError
from cdae_jax.evaluation.npz_judges import NAMES


def test_the_command_converts_the_three_judges(tmp_path, capsys):
    for name in NAMES:
        write_checkpoint(tmp_path / f"{name}_classifier-epoch=21.ckpt", random_weights(name))
    given = (f"--checkpoints={tmp_path}", f"--output={tmp_path}/judges")
    run_here("convert_judges", *given)
    assert capsys.readouterr().out.count("wrote ") == 3
    for name in NAMES:
        with np.load(tmp_path / "judges" / f"{name}_classifier.npz") as found:
            assert set(found) == set(random_weights(name))
            for key, array in random_weights(name).items():
                np.testing.assert_array_equal(found[key], array)
    write_checkpoint(tmp_path / "digit_classifier-epoch=1.ckpt", random_weights("intensity"))
    with pytest.raises(InputError, match=r"has digit_classifier-epoch=1.ckpt, digit_classifier-epoch=21.ckpt of"):
        run_here("convert_judges", *given)
    (tmp_path / "digit_classifier-epoch=21.ckpt").unlink()
    with pytest.raises(InputError, match=r"is no judge of the digit: fc.3.weight is \(1, 64\)"):
        run_here("convert_judges", *given)
