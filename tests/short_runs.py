"""Trainings of a few steps, and what they end with."""

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.data.pipeline import make_dataset
from cdae_jax.distributed import sharding
from cdae_jax.settings.run import Settings
from cdae_jax.training.checkpoint import Checkpoints
from cdae_jax.training.optimizer import make_optimizer
from cdae_jax.training.step import init_state
from configs.pendulum import get_config


def settings_with(argument="smoke", **sections):
    """Those of Pendulum at a size, with some fields of some sections changed: train={"steps": 3}."""
    config = get_config(argument)
    config.update(sections)
    return Settings.from_dict(config.to_dict())


def idle_step(settings, weights, schedule, model, tx, state, batch):
    """In the place of step.train_step, which takes long to compile: it learns nothing, and large labels are a loss."""
    return state.replace(step=state.step + 1), {"loss": jnp.nanmean(batch["y"] ** 2)}


def arrays_of(workdir, settings, at=20):
    """State and averaged parameters of a checkpoint."""
    model, tx = settings.make_model(0), make_optimizer(settings.train)
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


def assert_same_end(workdir, other, settings, at=20):
    """Both workdirs have the same state at a step, bit for bit."""
    for here, there in zip(arrays_of(workdir, settings, at), arrays_of(other, settings, at), strict=True):
        np.testing.assert_array_equal(here, there)


def dataset_of(settings):
    return make_dataset(settings.data, settings.graph)


def small_dataset():
    """Pendulum at the smoke size with enough images to train a judge."""
    return dataset_of(settings_with(data={"train_size": 2000}))
