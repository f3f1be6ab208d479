"""Pendulum: a lamp casts the pendulum's shadow (the scene of CausalVAE, Yang et al. 2021, arXiv 2004.08697).

angle, light -> length, position of the shadow. Angles are degrees, lengths are units of the scene, 20 wide (x 0..20)
and 22 high (y -1..21). Any combination of the four factors can be rendered: any do() has a true counterfactual image.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from cdae_jax.data import drawing
from cdae_jax.data.dataset import Dataset, of_scenes
from cdae_jax.data.drawing import paint, point_distance, segment_distance
from cdae_jax.distributed.chunks import in_chunks
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable

CAUSES = (Variable("angle", unit="deg"), Variable("light", unit="deg"))
EFFECTS = tuple(Variable(name, parents=("angle", "light"), unit="units") for name in ("length", "position"))
GRAPH = CausalGraph(CAUSES + EFFECTS)
STEP_DEG = 180 / 200  # the classic grid's step
ANGLE_STEPS, LIGHT_STEPS = (-40, 43), (60, 147)

PIVOT = (10.0, 10.5)
ROD_LENGTH, ROD_HALF_WIDTH, BOB_RADIUS, SUN_RADIUS = 8.0, 0.25, 1.5, 3.0
SUN_Y, SHADOW_Y, SHADOW_HALF_WIDTH, MIN_SHADOW = 20.5, -0.5, 0.4, 3.0
FIREBRICK, ORANGE, BLACK = (178 / 255, 34 / 255, 34 / 255), (1.0, 165 / 255, 0.0), (0.0, 0.0, 0.0)


def shadow(angle: np.ndarray, light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True length and position (centre) of the shadow, in units, for angles in degrees."""
    theta, phi = np.deg2rad(angle), np.deg2rad(light)
    length = np.maximum(MIN_SHADOW, 9.5 * np.abs(np.cos(theta - phi)) / np.abs(np.sin(phi)))
    position = 10 + 4.75 * np.sin(theta) - (11 - 4.75 * np.cos(theta)) * np.cos(phi) / np.sin(phi)
    return length, position


def draw_scene(labels, resolution: int, softness: float = 1.0, xp=np):
    """[N, 4] float32 factors -> [N, resolution, resolution, 3] in 0..1, anti-aliased over `softness` pixels."""
    labels = xp.asarray(labels, xp.float32)
    angle, light, length, position = (labels[:, i, None, None] for i in range(4))
    theta, phi = xp.deg2rad(angle), xp.deg2rad(light)
    centres = (xp.arange(resolution, dtype=xp.float32) + 0.5) / resolution
    x, y = (20 * centres)[None, None, :], (21 - 22 * centres)[None, :, None]
    bob = (PIVOT[0] + ROD_LENGTH * xp.sin(theta), PIVOT[1] - ROD_LENGTH * xp.cos(theta))
    sun_x = 10 + 10 * xp.cos(phi) / xp.sin(phi)
    shadow_x = xp.clip(x, position - length / 2, position + length / 2)
    shapes = (  # far to near
        (point_distance(x, y, (sun_x, SUN_Y), xp) - SUN_RADIUS, ORANGE),
        (segment_distance(x, y, PIVOT, bob, xp) - ROD_HALF_WIDTH, BLACK),
        (point_distance(x, y, bob, xp) - BOB_RADIUS, FIREBRICK),
        (point_distance(x, y, (shadow_x, SHADOW_Y), xp) - SHADOW_HALF_WIDTH, BLACK),
    )
    image = xp.ones((*labels.shape[:1], resolution, resolution, 3), xp.float32)
    for signed_distance, colour in shapes:
        image = paint(image, signed_distance, colour, 21 / resolution * softness, xp)
    return image


render = functools.partial(drawing.render, draw_scene, 512)
decorrelate = functools.partial(drawing.decorrelate, render)


def true_counterfactual(labels: np.ndarray, mask: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Labels [N, 4] under do(mask = values): the shadow follows the scene unless it is itself set."""
    scene = np.where(mask[:, :2], values[:, :2], labels[:, :2])
    own_noise = labels[:, 2:] - np.stack(shadow(labels[:, 0], labels[:, 1]), -1)  # 0 for images of the generator
    followed = np.stack(shadow(scene[:, 0], scene[:, 1]), -1) + own_noise
    return np.concatenate([scene, np.where(mask[:, 2:], values[:, 2:], followed)], -1).astype(np.float32)


def _first_guess(image):
    """[N, R, R, 3] in 0..1 -> [N, 4] factors from the centroids of the three colours."""
    resolution = image.shape[1]
    centres = (jnp.arange(resolution, dtype=jnp.float32) + 0.5) / resolution
    x, y = (20 * centres)[None, None, :], (21 - 22 * centres)[None, :, None]
    on_bar = jnp.abs(y - SHADOW_Y) < 11 / resolution + 0.01

    def mass(colour, where):
        near = jnp.sum((image - jnp.asarray(colour, jnp.float32)[None, None, None]) ** 2, -1)
        return jnp.where(where, jnp.exp(-near / 0.02), 0) + 1e-9

    def centroid(weight, coordinate):
        return jnp.sum(weight * coordinate, (1, 2)) / jnp.sum(weight, (1, 2))

    bob, sun, bar = mass(FIREBRICK, y < 10), mass(ORANGE, y > 14), mass(BLACK, on_bar)
    angle = jnp.rad2deg(jnp.arctan2(centroid(bob, x) - PIVOT[0], PIVOT[1] - centroid(bob, y)))
    light = jnp.rad2deg(jnp.arctan2(10.0, centroid(sun, x) - 10))
    length = jnp.sum(bar, (1, 2)) * 20 / resolution / jnp.maximum(1.0, jnp.sum(on_bar).astype(jnp.float32))
    return jnp.stack([angle, light, length, centroid(bar, x)], -1)


@jax.jit
def _fit(images):
    """Levenberg-Marquardt from the colours' centroids, on scenes that get sharper."""
    image = images.astype(jnp.float32) / 255
    scale = jnp.asarray([20.0, 20.0, 3.0, 3.0], jnp.float32)  # makes the four columns of the Jacobian comparable

    def residual(scaled, target, softness):
        return (draw_scene((scaled * scale)[None], target.shape[0], softness, jnp)[0] - target).reshape(-1)

    def fit_one(scaled, target):
        for softness in (4.0, 2.0, 1.0):

            def step(carry, _, softness=softness):
                scaled, damping = carry
                error = residual(scaled, target, softness)
                jacobian = jax.jacfwd(residual)(scaled, target, softness)
                move = jnp.linalg.solve(jacobian.T @ jacobian + damping * jnp.eye(4), jacobian.T @ error)
                trial = scaled - jnp.clip(move, -0.3, 0.3)
                better = jnp.sum(residual(trial, target, softness) ** 2) < jnp.sum(error**2)
                return (jnp.where(better, trial, scaled), jnp.where(better, damping / 3, damping * 4)), None

            (scaled, _), _ = jax.lax.scan(step, (scaled, jnp.float32(1e-2)), None, length=12)
        return scaled

    return jax.vmap(fit_one)(_first_guess(image) / scale[None], image) * scale[None]


def measure(images: np.ndarray) -> np.ndarray:
    """[N, R, R, 3] uint8 -> [N, 4] factors: the renderer fitted to the pixels by least squares; nothing is learned."""
    return in_chunks(_fit, images, 128)


def _labels_at(angle_steps: np.ndarray, light_steps: np.ndarray) -> np.ndarray:
    angle, light = STEP_DEG * angle_steps, STEP_DEG * light_steps
    return np.stack([angle, light, *shadow(angle, light)], -1).astype(np.float32)


def grid_labels() -> tuple[np.ndarray, np.ndarray]:
    """Train [5482, 4] and test [1826, 4] labels of the classic grid: every fourth scene but the last is for testing."""
    lights = np.arange(LIGHT_STEPS[0], LIGHT_STEPS[1] + 1)
    angle, light = np.meshgrid(np.arange(ANGLE_STEPS[0], ANGLE_STEPS[1] + 1), lights[lights != 100], indexing="ij")
    labels = _labels_at(angle.reshape(-1), light.reshape(-1))
    is_test = np.arange(len(labels)) % 4 == 3
    is_test[-1] = False
    return labels[~is_test], labels[is_test]


def continuous_labels(num: int, rng: np.random.Generator) -> np.ndarray:
    """[num, 4] labels with angle and light uniform over the classic grid's range."""
    return _labels_at(rng.uniform(*ANGLE_STEPS, num), rng.uniform(*LIGHT_STEPS, num))


def make_dataset(
    sampling: str, resolution: int, train_size: int, test_size: int, seed: int, interventional_share: float = 0.0
) -> Dataset:
    """The dataset, rendered in memory (about 20,000 images a second at 32 pixels).

    "continuous" sampling draws angle and light uniformly, "grid" takes the first scenes of the classic 5,482 + 1,826.
    A share of the training scenes has a shadow that was set by hand (see `intervene`).

    Raises InputError for an unknown sampling, a resolution under 16, and more images than the grid has.
    """
    if resolution < 16:
        raise InputError(f"config.data.resolution is {resolution}: the scene needs at least 16 pixels")
    rng = np.random.default_rng(seed)
    if sampling == "grid":
        train, test = (rng.permutation(part) for part in grid_labels())
    elif sampling == "continuous":
        train, test = (continuous_labels(num, rng) for num in (train_size, test_size))
    else:
        raise InputError(f"config.data.sampling is {sampling!r}: expected one of continuous, grid")
    for name, num, labels in (("train", train_size, train), ("test", test_size, test)):
        if not 1 <= num <= len(labels):
            raise InputError(f"config.data.{name}_size is {num}: expected 1 to {len(labels)}")
    known = {"true_counterfactual": true_counterfactual, "measure": measure, "decorrelate": decorrelate}
    draw = functools.partial(render, resolution=resolution)
    return of_scenes("Pendulum", GRAPH, train[:train_size], test[:test_size], draw, interventional_share, seed, **known)
