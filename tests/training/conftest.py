"""What tests of training share."""

import pytest
from short_runs import idle_step


@pytest.fixture
def idle(monkeypatch):
    """Training steps that learn nothing, for what is around them."""
    monkeypatch.setattr("cdae_jax.training.step.train_step", idle_step)
