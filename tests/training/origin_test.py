"""Whether a run can start from other weights, and what is named where it cannot."""

import dataclasses
import functools

import jax
import pytest
from short_runs import settings_with

from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph
from cdae_jax.model.causal_diffae import init_params
from cdae_jax.training.origin import Weights, check_fits

SHAPE = (16, 16, 3)


@functools.cache
def shapes_of(settings):
    return jax.eval_shape(lambda: init_params(settings.make_model(0), jax.random.key(0), SHAPE))


def weights_of(settings, image_shape=SHAPE, num_classes=0):
    return Weights(settings, shapes_of(settings), image_shape, num_classes, "0")


def with_graph(order=("angle", "light", "length", "position"), parents=2):
    """Pendulum's settings with its variables in another order or with fewer parents."""
    variables = {var.name: var for var in settings_with().graph.variables}
    chosen = [dataclasses.replace(variables[name], parents=variables[name].parents[:parents]) for name in order]
    return dataclasses.replace(settings_with(), graph=CausalGraph(tuple(chosen)))


def test_the_same_architecture_fits_whatever_else_differs():
    other = settings_with(train={"steps": 3, "learning_rate": 0.5}, data={"seed": 3}, sample={"num_steps": 2})
    check_fits(weights_of(other), "runs/x", settings_with(), SHAPE, 0, shapes_of(settings_with()))


@pytest.mark.parametrize(
    ("settings", "changes", "told"),
    [
        (settings_with(model={"block_dim": 2}), {}, "config.model.block_dim is 2, and this run's is 4"),
        (settings_with(diffusion={"prediction": "eps"}), {}, "config.diffusion.prediction is 'eps', and this"),
        (
            settings_with(),
            {"image_shape": (16, 16, 1)},
            r"image shape is \(16, 16, 1\), and this run's is \(16, 16, 3",
        ),
        (settings_with(), {"num_classes": 10}, "number of context classes is 10, and this run's is 0"),
        (with_graph(("angle", "light")), {}, "number of variables is 2, and this run's is 4"),
        (with_graph(("light", "angle", "length", "position")), {}, "order of variables is 'light, angle, "),
    ],
)
def test_the_first_difference_is_named(settings, changes, told):
    weights = weights_of(settings, **changes)
    with pytest.raises(
        InputError, match=rf"--init_from is runs/x, whose {told}.*: start from a model of the same arch"
    ):
        check_fits(weights, "runs/x", settings_with(), SHAPE, 0, shapes_of(settings_with()))


@pytest.mark.parametrize(
    ("parents", "told"),
    [
        (1, r"shape of params/scm/.*kernel is \(4, 16\), and this run's is \(8, 16\)"),
        (0, r"shape of params/scm/.* is None, and this run's is \("),
    ],
)
def test_mechanisms_have_to_fit_unless_they_are_fitted_anew(parents, told):
    weights, learned = weights_of(with_graph(parents=parents)), settings_with(train={"mechanisms": "objective"})
    with pytest.raises(InputError, match=told):
        check_fits(weights, "runs/x", learned, SHAPE, 0, shapes_of(learned))
    check_fits(weights, "runs/x", settings_with(), SHAPE, 0, shapes_of(settings_with()))
