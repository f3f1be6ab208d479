"""Labels fitted to an image through the draft: least squares, its limits, and what it gives an intervention."""

import dataclasses
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cdae_jax
from cdae_jax.counterfactual import algorithm as core
from cdae_jax.counterfactual.label_fit import FARTHEST, fit
from cdae_jax.graph import CausalGraph, Variable
from cdae_jax.inference.trained_model import TrainedModel

pytestmark = pytest.mark.usefixtures("one_device_alone")

ALL = jnp.ones(3, bool)
SLOPES = np.random.default_rng(0).normal(size=(3, 40)).astype(np.float32)


def linear(y):
    return y @ jnp.asarray(SLOPES)


def curved(y):
    return jnp.tanh(linear(y))


def test_a_linear_draft_is_fitted_as_by_ridge_regression():
    rng = np.random.default_rng(1)
    y, off = (rng.normal(size=(5, 3)).astype(np.float32) * scale for scale in (1.0, 0.05))
    x = (y + off) @ SLOPES + 0.02 * rng.normal(size=(5, 40)).astype(np.float32)
    found = fit(linear, jnp.asarray(x), jnp.asarray(y), ALL, 0.05, 1)
    for row in range(5):
        left = x[row] - y[row] @ SLOPES
        ridge = np.mean(left**2) / 0.05**2
        moved = np.linalg.solve(SLOPES @ SLOPES.T + ridge * np.eye(3), SLOPES @ left)
        np.testing.assert_allclose(found[row], y[row] + moved, atol=2e-5)


def test_many_steps_end_where_the_misfit_and_the_distance_balance():
    """By the noise that is left at the end, not that of the first step."""
    rng = np.random.default_rng(3)
    y = jnp.asarray(rng.normal(size=(5, 3)).astype(np.float32))
    x = linear(y + 0.05) + 0.3 * jnp.asarray(rng.normal(size=(5, 40)).astype(np.float32))
    moved = np.asarray(fit(linear, x, y, ALL, 0.05, 50) - y, float)
    left = np.asarray(x, float) - (np.asarray(y, float) + moved) @ SLOPES
    ridge = np.mean(left**2, -1, keepdims=True) / 0.05**2
    np.testing.assert_allclose(left @ SLOPES.T, ridge * moved, rtol=1e-3, atol=1e-3)


def test_labels_misread_come_back_to_those_that_drew_the_image():
    true = jnp.asarray(np.random.default_rng(2).normal(size=(64, 3)).astype(np.float32) * 0.3)
    read = true + 0.05 * jax.random.normal(jax.random.key(0), true.shape)
    gaps = [jnp.abs(fit(curved, curved(true), read, ALL, 0.05, steps) - true).mean() for steps in (0, 1, 3)]
    assert gaps[0] > 0.03 and gaps[1] < 0.2 * gaps[0] and gaps[2] < 0.05 * gaps[0]
    fixed = fit(curved, curved(true), read, jnp.array([True, False, True]), 0.05, 3)
    np.testing.assert_array_equal(fixed[:, 1], read[:, 1])
    assert (fixed[:, 0] != read[:, 0]).all()


def test_what_the_draft_cannot_explain_moves_nothing_and_no_label_goes_far():
    x, y = jax.random.normal(jax.random.key(0), (4, 40)), jnp.zeros((4, 3))
    np.testing.assert_array_equal(fit(lambda y: jnp.zeros((4, 40)), x, y, ALL, 0.05, 2), y)
    far = fit(linear, linear(y + 1.0), y, ALL, 0.05, 5)
    assert jnp.abs(far).max() <= FARTHEST * 0.05 * 1.0001


def test_a_fit_that_explains_the_image_less_is_not_kept():
    """A draft whose slopes mislead: it turns where the labels are."""

    def turning(y):
        return jnp.repeat(jnp.where(y > 0, -y, y), 20, axis=1)

    y = jnp.full((1, 3), -0.001)  # the secants go over the edge
    x = turning(jnp.full((1, 3), -0.1)) + 0.1
    for steps in range(1, 6):
        left, before = (float(jnp.sum((x - turning(at)) ** 2)) for at in (fit(turning, x, y, ALL, 0.05, steps), y))
        assert left <= before


SHOWN = 0.8  # grey of a pixel for a label of 1
GRAPH = CausalGraph(
    (Variable("cause"), Variable("effect", parents=("cause",)), Variable("kind", kind="categorical", classes=2))
)


@dataclasses.dataclass(frozen=True)
class ByHand:
    """cause -> effect = cause + u_effect, and a class; the encoder reads the numbers off by 0.1 and -0.1."""

    decoder: str = "conv"
    prior: str = "fixed"
    prior_sd: float = 0.05
    num_classes: int = 0
    block_dim: int = 1
    graph: CausalGraph = GRAPH

    def apply(self, _, x, *inputs, method):
        if method == "encode":
            read = x[:, 0, :, :] / SHOWN + jnp.array([0.1, -0.1, 0.0])[None, :, None]
            return read.at[:, 1].add(-read[:, 0]), None
        if method == "decode":
            return jnp.repeat(SHOWN * x[:, None], 64, axis=1)
        if method == "propagate":
            do = inputs[0] if inputs else None
            cause = x[:, 0] if do is None else do.set(0, x[:, 0])
            effect = cause + x[:, 1]
            return jnp.stack([cause, effect if do is None else do.set(1, effect), x[:, 2]], 1)
        if method == "abduct":
            return x.at[:, 1].add(-x[:, 0])
        assert method == "prior_of"
        return x[..., None], None


def test_effects_follow_from_what_was_fitted():
    x = jnp.tile(SHOWN * jnp.array([0.2, 0.5, 0.0])[None, None, :, None], (1, 64, 1, 1))  # u_effect 0.3
    given = ByHand(), {}, None, x, jnp.array([[0.4, np.nan, np.nan]]), jnp.zeros(1, jnp.int32)
    for steps, effect, atol in ((0, 0.5, 1e-6), (4, 0.7, 2e-3)):
        found = core.counterfactual(*given, jax.random.key(0), jnp.arange(2), fit_steps=steps)
        np.testing.assert_allclose(found.x[0, 0, :, 0] / SHOWN, [0.4, effect, 0.0], atol=atol)
    np.testing.assert_allclose(found.u[0, :, 0], [0.2, 0.3, 0.0], atol=2e-3)
    np.testing.assert_array_equal(found.z[0, 2], [0.0])  # a class does not move


@pytest.fixture(scope="module")
def shipped() -> TrainedModel:
    return cdae_jax.load("pendulum")


def test_what_is_encoded_predicted_and_made_are_of_the_same_fit(shipped):
    images = shipped.sample(np.array([[-20.0, 100, 4, 9], [10, 80, 3, 11]], np.float32)).images
    do = {"angle": 5.0}
    found = {}
    for steps in (0, 2):
        made = shipped.counterfactual(images, do, fit_steps=steps)
        z_cf = shipped.latents_under(images, do, fit_steps=steps)[2]
        found[steps] = shipped._physical(z_cf)
        np.testing.assert_allclose(made.labels, found[steps], rtol=1e-4, atol=1e-3)
        read = shipped.encode(images, fit_steps=steps)[:, 0]
        shifted = shipped.latents_under(images, {"angle": "+5"}, fit_steps=steps)[2]
        for angle in (
            shipped._physical(shifted),
            shipped.counterfactual(images, {"angle": "+5"}, fit_steps=steps).labels,
        ):
            np.testing.assert_allclose(angle[:, 0], read + 5, atol=1e-4)
    assert (found[0] != found[2]).any()
    with mock.patch.object(shipped, "defaults", shipped.defaults | {"fit_steps": 2}):
        np.testing.assert_array_equal(shipped.predict(images, do), found[2])
        alone = np.concatenate([shipped.encode(images[:1]), shipped.encode(images[1:])])
        np.testing.assert_allclose(shipped.encode(images), alone, rtol=1e-4, atol=1e-3)
