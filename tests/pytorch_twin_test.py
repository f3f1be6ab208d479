"""The UNet that PyTorch is timed with is ours: the same predictions, and the same losses while it learns."""

import sys

import numpy as np
import pytest
from short_runs import settings_with

from cdae_jax.errors import InputError
from experiments import pytorch_twin


@pytest.mark.parametrize("overrides", [{}, {"attention": (8,), "unet_multipliers": (1, 2), "patch": 2}])
def test_both_predict_and_learn_alike(overrides, one_device_alone):
    pytest.importorskip("torch", reason="PyTorch is not among what the tests install")
    pair = pytorch_twin.Pair(settings_with("smoke,method=paper", model=overrides), 4)
    np.testing.assert_allclose(pair.torch_forward().permute(0, 2, 3, 1), pair.ours(), rtol=1e-3, atol=1e-5)
    ours, theirs = ([step() for _ in range(4)] for step in (pair.ours_step, pair.torch_step))
    np.testing.assert_allclose(theirs, ours, rtol=1e-5)
    assert ours[-1] < ours[0]


def test_without_pytorch_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match="pip install torch"):
        pytorch_twin.Pair(settings_with("smoke,method=paper"), 4)
