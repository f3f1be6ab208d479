"""Trainings of a few steps, and what they end with."""

import jax
import numpy as np

from cdae_jax.data.pipeline import make_dataset
from cdae_jax.distributed import sharding
from cdae_jax.settings.run import Settings
from cdae_jax.training.checkpoint import Checkpoints
from cdae_jax.training.step import init_state, make_optimizer
from configs.pendulum import get_config


def settings_with(**changes):
    config = get_config("smoke")
    for name, value in changes.items():
        config.train[name] = value
    return Settings.from_dict(config.to_dict())


def arrays_of(workdir, settings, at=20):
    model = settings.make_model(0)
    tx = make_optimizer(settings.train)
    shapes = jax.eval_shape(lambda: init_state(model, tx, (16, 16, 3), 0))
    here = sharding.replicated(sharding.make_mesh())
    checkpoints = Checkpoints(workdir)
    state, ema = checkpoints.restore(
        at,
        train=sharding.abstract_like(shapes, here).replace(ema=None),
        ema=sharding.abstract_like(shapes.ema, here),
    )
    checkpoints.close()
    return [np.asarray(leaf) for leaf in jax.tree.leaves((state, ema))]


def dataset_of(settings):
    return make_dataset(settings.data, settings.graph)


def small_dataset():
    """Pendulum at the smoke size with enough images to train a judge."""
    config = get_config("smoke")
    config.data.train_size = 2000
    return dataset_of(Settings.from_dict(config.to_dict()))
