"""The worked example of one's own data: scenes with a disc, whose true mechanisms are written out here."""

import numpy as np

from cdae_jax.data.dataset import Dataset, Split
from cdae_jax.graph import CausalGraph

SIDE = 32
MISSING = 0.3  # of the labels
NOISE = 0.1  # of the coverage that `measure` reads from one pixel
GRAPH = {
    "warmth": {},
    "size": {"parents": ["warmth"], "unit": "px"},
    "glow": {"parents": ["size"]},
    "height": {"parents": ["warmth"], "unit": "px"},
    "on": {"parents": ["size", "height"], "kind": "binary"},
}


def mean_size(warmth):
    """Mean radius of the disc in pixels, for warmth in 0..1."""
    return 4 + 4 * warmth


def mean_glow(size):
    """Mean brightness of the disc, 0 black and 1 white, for its radius in pixels."""
    return 0.2 + 0.15 * (size - 4)


def mean_height(warmth):
    """Mean height of the disc's centre in pixels from below, for warmth in 0..1."""
    return 20 - 8 * warmth


def draw_labels(num: int, rng: np.random.Generator) -> np.ndarray:
    """[num, 5] labels in the graph's order, by its true mechanisms."""
    warmth = rng.uniform(0, 1, num)
    size = mean_size(warmth) + rng.normal(0, 0.4, num)
    glow = np.clip(mean_glow(size) + rng.normal(0, 0.05, num), 0, 1)
    height = mean_height(warmth) + rng.normal(0, 1, num)
    on = rng.random(num) < 1 / (1 + np.exp(-3 * (size - 6) - 0.5 * (height - 16)))
    return np.stack([warmth, size, glow, height, on], 1)


def true_counterfactual(labels: np.ndarray, mask: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Labels [N, 5] under do(mask = values); NaN for "on" where a cause of it changes, since its noise is unknown."""

    def under(i, natural):
        return np.where(mask[:, i], values[:, i], natural)

    warmth, size, glow, height, on = labels.T
    new_warmth = under(0, warmth)
    new_size = under(1, size + (mean_size(new_warmth) - mean_size(warmth)))
    new_glow = under(2, np.clip(glow + (mean_glow(new_size) - mean_glow(size)), 0, 1))
    new_height = under(3, height + (mean_height(new_warmth) - mean_height(warmth)))
    is_same = (new_size == size) & (new_height == height)
    return np.stack([new_warmth, new_size, new_glow, new_height, under(4, np.where(is_same, on, np.nan))], 1)


def draw_image(labels: np.ndarray) -> np.ndarray:
    """Labels [5] -> [32, 32, 3] uint8."""
    warmth, size, glow, height, on = labels
    y, x = SIDE - np.mgrid[:SIDE, :SIDE][0] - 0.5, np.mgrid[:SIDE, :SIDE][1] + 0.5
    image = np.ones((SIDE, SIDE, 3)) * [0.2 + 0.6 * warmth, 0.3, 0.8 - 0.6 * warmth]
    inside = np.clip(size - np.hypot(x - SIDE / 2, y - height) + 0.5, 0, 1)[..., None]
    image = image * (1 - inside) + inside * glow
    if on:
        image[1:5, 1:5] = 1
    return np.rint(255 * image).astype(np.uint8)


def measure(images: np.ndarray) -> np.ndarray:
    """Labels [N, 5] read from images [N, 32, 32, 3] uint8 without learning, whatever their combination.

    Only the background has colour, so that how much of it a pixel lacks is how much of the pixel the disc covers: its
    area gives the radius, its centre the height, its inside the brightness.
    """
    x = images / 255.0
    colour = x[:, [-1, -1, 0], [0, -1, -1]].mean(1)  # of the three corners without the lamp
    contrast = colour - colour.mean(-1, keepdims=True)
    own = x - x.mean(-1, keepdims=True)
    cover = 1 - np.einsum("nhwc,nc->nhw", own, contrast) / np.sum(contrast**2, -1)[:, None, None]
    cover[:, :6, :6] = 0  # where the lamp is
    cover = np.clip(cover, 0, 1) * (cover > NOISE)
    area = np.maximum(cover.sum((1, 2)), 1e-6)
    rows = SIDE - np.arange(SIDE) - 0.5
    height = np.einsum("nhw,h->n", cover, rows) / area
    inside = cover > 1 - NOISE
    glow = np.where(inside, x.mean(-1), 0).sum((1, 2)) / np.maximum(inside.sum((1, 2)), 1)
    warmth = (colour[:, 0] - 0.2) / 0.6
    on = x[:, 1:5, 1:5].mean((1, 2, 3)) > (1 + colour.mean(-1)) / 2
    return np.stack([warmth, np.sqrt(area / np.pi), glow, height, on], 1)


def with_gaps(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels of any shape, each of which becomes NaN with the probability MISSING."""
    return np.where(rng.random(labels.shape) >= MISSING, labels, np.nan)


def make_dataset(train_size: int, test_size: int, seed: int) -> Dataset:
    """The example as a `Dataset` with its true counterfactuals; its training labels have gaps (`with_gaps`)."""
    rng = np.random.default_rng(seed)
    labels = draw_labels(train_size + test_size, rng)
    images = np.stack([draw_image(row) for row in labels])
    train, test = Split(images, labels).take(slice(train_size)), Split(images, labels).take(slice(train_size, None))
    train = Split(train.images, with_gaps(train.labels, rng))
    graph = CausalGraph.from_list([{"name": name, **spec} for name, spec in GRAPH.items()])
    return Dataset("worked example", graph, train, test, true_counterfactual=true_counterfactual, measure=measure)
