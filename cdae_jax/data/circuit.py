"""Circuit look-alike: a robot arm presses buttons that light lamps. NOT the published CausalCircuit.

arm -> blue, green, red; blue -> red; green -> red; all in 0..1. The graph is that of CausalCircuit (Brehmer et al.
2022, arXiv 2203.16437); scene and equations are our own, so no number on it compares with the published set:

    arm uniform;  b_c = exp(-((arm - place_c) / 0.15)^2), how far button c is pressed
    blue ~ Beta(5 m, 5 (1 - m)),  m = 0.2 + 0.6 clip(b_blue, 0, 1);  green likewise
    red  ~ Beta(5 m, 5 (1 - m)),  m = 0.2 + 0.6 clip(blue + green + b_red, 0, 1)

The scene is the unit square. Any combination of the four factors can be rendered.
"""

import functools

import numpy as np
from scipy.special import betainc, betaincinv

from cdae_jax.data import drawing
from cdae_jax.data.dataset import Dataset, of_scenes
from cdae_jax.data.drawing import paint, point_distance, segment_distance
from cdae_jax.errors import InputError
from cdae_jax.graph import CausalGraph, Variable

BLUE, GREEN = (Variable(name, parents=("arm",)) for name in ("blue", "green"))
GRAPH = CausalGraph((Variable("arm"), BLUE, GREEN, Variable("red", parents=("arm", "blue", "green"))))
BUTTON_PLACES = {"blue": 0.15, "green": 0.85, "red": 0.5}  # positions of the arm right above each button
COLOURS = {"blue": (0.15, 0.35, 1.0), "green": (0.1, 0.9, 0.25), "red": (1.0, 0.2, 0.15)}  # in the graph's order
UNLIT = (0.12, 0.12, 0.14)
BACKGROUND, STEEL, PLATE = (0.93, 0.92, 0.88), (0.45, 0.47, 0.5), (0.7, 0.68, 0.64)
BASE, TIP_Y, ARM_HALF_WIDTH = (0.5, 0.97), 0.44, 0.03
BUTTON_Y, PRESS_DEPTH, LAMP_Y, LAMP_RADIUS = 0.36, 0.05, 0.14, 0.09


def tip_x(arm):
    """Horizontal position of the arm's tip in the scene, for arm in 0..1."""
    return 0.1 + 0.8 * arm


def press(arm, colour: str, xp=np):
    """How far a button is pressed, 0..1."""
    return xp.exp(-(((arm - BUTTON_PLACES[colour]) / 0.15) ** 2))


def brightness_mean(labels: np.ndarray, colour: str) -> np.ndarray:
    """The mean m [N] of a lamp's Beta distribution, of labels [N, 4]; blue and green matter to red alone."""
    drive = press(labels[:, 0], colour) + (labels[:, 1] + labels[:, 2] if colour == "red" else 0)
    return 0.2 + 0.6 * np.clip(drive, 0, 1)


def _follow(labels: np.ndarray, quantiles: np.ndarray, is_set: np.ndarray) -> np.ndarray:
    """Labels [N, 4] whose lamps that were not set, [N, 4], follow by their mechanisms and their own noise [N, 3]."""
    after = labels.astype(np.float64)
    for i, colour in enumerate(COLOURS, start=1):
        m = brightness_mean(after, colour)
        after[:, i] = np.where(is_set[:, i], after[:, i], betaincinv(5 * m, 5 * (1 - m), quantiles[:, i - 1]))
    return after


def lamps(arm: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """The true mechanisms: arm [N] and each lamp's own noise [N, 3], a quantile in 0..1 -> blue, green, red [N, 3]."""
    labels = np.stack([arm, *np.zeros((3, len(arm)))], -1)
    return _follow(labels, quantiles, np.zeros(labels.shape, bool))[:, 1:]


def true_counterfactual(labels: np.ndarray, mask: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Labels [N, 4] under do(mask = values), each lamp with its own quantile."""
    before = labels.astype(np.float64)
    m = np.stack([brightness_mean(before, colour) for colour in COLOURS], -1)
    quantiles = betainc(5 * m, 5 * (1 - m), np.clip(before[:, 1:], 0, 1))
    return _follow(np.where(mask, values, labels), quantiles, mask).astype(np.float32)


def draw_scene(labels, resolution: int, xp=np):
    """[N, 4] float32 factors -> [N, resolution, resolution, 3] float in 0..1."""
    labels = xp.asarray(labels, xp.float32)
    arm = labels[:, 0, None, None]
    centres = (xp.arange(resolution, dtype=xp.float32) + 0.5) / resolution
    x, y = centres[None, None, :], (1 - centres)[None, :, None]
    pixel = 1 / resolution
    image = xp.full((len(labels), resolution, resolution, 3), xp.asarray(BACKGROUND, xp.float32))
    image = paint(image, (y - 0.28) + 0 * (x + arm), PLATE, pixel, xp)  # the table below the buttons
    for i, colour in enumerate(COLOURS, start=1):
        place, lit = tip_x(BUTTON_PLACES[colour]), labels[:, i, None]
        top = BUTTON_Y - PRESS_DEPTH * press(arm, colour, xp)
        button = xp.maximum(xp.abs(x - place) - 0.07, xp.maximum(y - top, 0.28 - y))
        image = paint(image, button, COLOURS[colour], pixel, xp)
        full, dark = (xp.asarray(c, xp.float32)[None] for c in (COLOURS[colour], UNLIT))
        lamp = point_distance(x, y, (place, LAMP_Y), xp) - LAMP_RADIUS + 0 * arm
        image = paint(image, lamp, dark + lit * (full - dark), pixel, xp)
    tip = (tip_x(arm), TIP_Y)
    image = paint(image, segment_distance(x, y, BASE, tip, xp) - ARM_HALF_WIDTH, STEEL, pixel, xp)
    return paint(image, point_distance(x, y, tip, xp) - 0.05, (0.2, 0.2, 0.22), pixel, xp)


render = functools.partial(drawing.render, draw_scene, 128)
decorrelate = functools.partial(drawing.decorrelate, render)


def measure(images: np.ndarray) -> np.ndarray:
    """[N, R, R, 3] uint8 -> [N, 4] factors read from the pixels; nothing is learned.

    The lamps by the projection of their inner pixels on the line from unlit to lit; the arm by the nearest of 1,001
    renderings of the part of the scene above the buttons.
    """
    resolution = images.shape[1]
    centres = (np.arange(resolution) + 0.5) / resolution
    x, y = centres[None, :], (1 - centres)[:, None]
    columns = []
    for colour, lit in COLOURS.items():
        inside = np.hypot(x - tip_x(BUTTON_PLACES[colour]), y - LAMP_Y) < LAMP_RADIUS - 1 / resolution
        seen = images[:, inside].mean(1) / 255
        line = np.subtract(lit, UNLIT)
        columns.append((seen - UNLIT) @ line / (line @ line))
    arms = np.linspace(0, 1, 1001)
    rows = slice(0, int(resolution * (1 - BUTTON_Y - 1e-6)))
    scenes = render(np.stack([arms, *np.zeros((3, 1001))], -1), resolution)[:, rows].reshape(1001, -1) / np.float32(255)
    seen = images[:, rows].reshape(len(images), -1) / np.float32(255)
    gap = (scenes**2).sum(-1)[None] - 2 * seen @ scenes.T
    return np.stack([arms[gap.argmin(-1)], *columns], -1).astype(np.float32)


def draw_labels(num: int, rng: np.random.Generator) -> np.ndarray:
    """[num, 4] labels from the true model."""
    arm = rng.uniform(size=num)
    return np.concatenate([arm[:, None], lamps(arm, rng.uniform(size=(num, 3)))], -1).astype(np.float32)


def make_lookalike(
    resolution: int, train_size: int, test_size: int, seed: int, interventional_share: float = 0.0
) -> Dataset:
    """The dataset, rendered in memory; interventional_share of the training scenes have lamps that were set by hand.

    Raises InputError for a resolution under 32, at which a lamp has too few pixels.
    """
    if resolution < 32:
        raise InputError(f"config.data.resolution is {resolution}: the circuit needs at least 32 pixels")
    rng = np.random.default_rng([seed, 3])
    train, test = (draw_labels(num, rng) for num in (train_size, test_size))
    known = {"true_counterfactual": true_counterfactual, "measure": measure, "decorrelate": decorrelate}
    draw = functools.partial(render, resolution=resolution)
    return of_scenes("circuit look-alike", GRAPH, train, test, draw, interventional_share, seed, **known)
