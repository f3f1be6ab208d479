"""A model of a short run, on one device, and test images of its data."""

import pytest
from devices import one_device
from short_runs import dataset_of

import cdae_jax


@pytest.fixture(scope="module")
def model(trained_pendulum):
    with one_device():
        return cdae_jax.load(trained_pendulum)


@pytest.fixture(scope="module")
def images(model):
    return dataset_of(model.settings).test.images[:16]
