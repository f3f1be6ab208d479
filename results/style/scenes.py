"""Scenes whose images hold more than their labels say: made as folders of one's own, and scored by their truth.

python results/style/scenes.py make --scene=lamp --folder=lamp
python results/style/scenes.py score --scene=lamp --folder=lamp --workdir=runs/lamp --output=scores.json
"""

import argparse
import itertools
import json
import pathlib
from typing import ClassVar

import numpy as np
import pandas as pd
from PIL import Image

import cdae_jax

SIDE, FINE = 32, 4  # pixels, and how much finer the scenes are drawn
Y, X = np.mgrid[: SIDE * FINE, : SIDE * FINE] / FINE + 0.5 / FINE
NUM_TRAIN, NUM_TEST, NUM_CHOSEN = 1300, 600, 128  # the first test images chose settings, the others are scored
SEED, MISSING = 11, 0.2


def coarse(image):
    return image.reshape(SIDE, FINE, SIDE, FINE, *image.shape[2:]).mean((1, 3))


def as_bytes(images):
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)


class Chain:
    """Gray: the place of a disc -> the height of a bar -> the grey of the disc. Unsaid: the disc's height, the bar's
    width, the slope of the background."""

    graph: ClassVar = {"place": [], "height": ["place"], "grey": ["height"]}
    with_gaps = "height"

    @staticmethod
    def draw(num, rng):
        place = rng.uniform(-1, 1, num)
        height = Chain.mean_height(place) + rng.normal(0, 0.55, num)
        grey = Chain.mean_grey(height) + rng.gamma(4, 4, num)
        style = [rng.uniform(-2, 2, num), rng.uniform(-12, 12, num), rng.uniform(2.0, 3.2, num)]
        return np.stack([place, height, grey], 1), np.stack(style, 1)

    @staticmethod
    def mean_height(place):
        return 5 + 2.2 * np.tanh(1.2 * place) + 0.9 * place**2

    @staticmethod
    def mean_grey(height):
        return 90 + 11 * height - 6 * np.sin(height)

    @staticmethod
    def under(labels, do):
        place, height, grey = labels.T
        place_do = do.get("place", place)
        height_do = do.get("height", Chain.mean_height(place_do) + height - Chain.mean_height(place))
        grey_do = do.get("grey", Chain.mean_grey(height_do) + grey - Chain.mean_grey(height))
        return np.stack([place_do, height_do, grey_do], 1)

    @staticmethod
    def render(labels, style):
        (place, height, grey), (down, slope, width) = labels, style
        image = 40 + slope * (X - SIDE / 2) / SIDE
        image = np.where((np.abs(X - 6) < width) & (30 - 1.9 * height < Y) & (Y < 30), 150, image)
        disc = np.hypot(X - 20 - 5.5 * place, Y - 14 - down) < 4.2
        return coarse(np.where(disc, np.clip(grey, 0, 255), image))[..., None]

    @staticmethod
    def measure(images):
        images = images[..., 0].astype(float)
        x, rows = np.arange(SIDE) + 0.5, images[:, [0, 1, 31], 9:].mean(1)
        fit = np.stack([np.ones(SIDE - 9), x[9:] - SIDE / 2], 1)
        line = np.linalg.lstsq(fit, rows.T, rcond=None)[0]
        ground = line[0][:, None] + line[1][:, None] * (x - SIDE / 2)
        disc = images[:, :, 10:] - ground[:, None, 10:]
        disc[disc < 12] = 0
        total = disc.sum((1, 2)) + 1e-6
        at_x, at_y = (disc.sum(1) * x[10:]).sum(1) / total, (disc.sum(2) * x).sum(1) / total
        inner = np.hypot(x[None, None] - at_x[:, None, None], x[None, :, None] - at_y[:, None, None]) < 2.6
        grey = (images * inner).sum((1, 2)) / np.maximum(inner.sum((1, 2)), 1)
        below = ground[:, 5:7].mean(1)[:, None]
        bar = (images[:, :30, 5:7].mean(2) - below) / (150 - below)
        return np.stack([(at_x - 20) / 5.5, np.clip(bar, 0, 1.3).sum(1) / 1.9, grey], 1)


class Lamp:
    """Colour: the hue of a square -> its width -> whether a lamp is on, a binary effect. Unsaid: where the square is,
    and how bright the background is and how it slopes."""

    graph: ClassVar = {"hue": [], "width": ["hue"], "lamp": {"parents": ["width"], "kind": "binary"}}
    with_gaps = "width"

    @staticmethod
    def draw(num, rng):
        hue = rng.beta(1.5, 1.5, num)
        width = Lamp.mean_width(hue) + rng.normal(0, 0.8, num)
        lamp = rng.random(num) < 1 / (1 + np.exp(-1.5 * (width - 9)))
        style = [rng.uniform(-3, 3, num), rng.uniform(-3, 3, num), rng.uniform(0.05, 0.2, num)]
        return np.stack([hue, width, lamp], 1).astype(float), np.stack([*style, rng.uniform(-0.08, 0.08, num)], 1)

    @staticmethod
    def mean_width(hue):
        return 5 + 8 * hue**1.5

    @staticmethod
    def under(labels, do):
        hue, width, lamp = labels.T
        hue_do = do.get("hue", hue)
        width_do = do.get("width", Lamp.mean_width(hue_do) + width - Lamp.mean_width(hue))
        return np.stack([hue_do, width_do, do.get("lamp", np.where(width_do == width, lamp, np.nan))], 1)

    @staticmethod
    def render(labels, style):
        (hue, width, lamp), (right, down, bright, slope) = labels, style
        image = np.ones((*X.shape, 3)) * bright + slope * (Y[..., None] - 16) / 16
        image[(np.abs(X - 16 - right) < width / 2) & (np.abs(Y - 19 - down) < 4)] = (
            0.25 + 0.7 * hue,
            0.4,
            0.95 - 0.7 * hue,
        )
        if lamp == 1:
            image[np.hypot(X - 5, Y - 5) < 3] = 0.95, 0.9, 0.3
        return 255 * coarse(image)

    @staticmethod
    def measure(images):
        images = images / 255
        lamp = images[:, 4:6, 4:6, :2].mean((1, 2, 3)) > 0.5
        body = images[:, 11:, 2:30]
        ground = np.median(body[..., 1], axis=2, keepdims=True)
        covered = np.clip((body[..., 1] - ground) / np.maximum(0.4 - ground, 0.05), 0, 1.2)
        covered[covered < 0.15] = 0
        width = np.sort(covered.sum(2), 1)[:, -6:].mean(1)
        inner = covered > 0.95
        red, blue = ((body[..., c] * inner).sum((1, 2)) / np.maximum(inner.sum((1, 2)), 1) for c in (0, 2))
        return np.stack([(red - blue + 0.7) / 1.4, width, lamp], 1)


class Shapes:
    """Gray: the tilt of a stroke -> a shape, a categorical effect; both -> the shape's grey. Unsaid: where the shape
    is, its size, the background's grey."""

    graph: ClassVar = {"tilt": [], "shape": {"parents": ["tilt"], "kind": "categorical"}, "grey": ["tilt", "shape"]}
    with_gaps = "grey"
    classes = ("disc", "plus", "square")

    @staticmethod
    def draw(num, rng):
        tilt = rng.uniform(-1, 1, num)
        odds = np.stack([2.5 * tilt, -2.5 * tilt, 0 * tilt], 1) + rng.gumbel(size=(num, 3))
        shape = odds.argmax(1)
        grey = 120 + 30 * tilt + 30 * Shapes.brighter(shape) + rng.normal(0, 10, num)
        style = [rng.uniform(-2, 2, num), rng.uniform(-3, 3, num), rng.uniform(4, 5.5, num), rng.uniform(20, 50, num)]
        return np.stack([tilt, shape, grey], 1), np.stack(style, 1)

    @staticmethod
    def brighter(shape):
        return np.array([0, 2, 1, np.nan])[np.where(np.isnan(shape), 3, shape).astype(int)]

    @staticmethod
    def under(labels, do):
        tilt, shape, grey = labels.T
        tilt_do = do.get("tilt", tilt)
        shape_do = do.get("shape", np.where(tilt_do == tilt, shape, np.nan))
        moved = 30 * (tilt_do - tilt) + 30 * (Shapes.brighter(shape_do) - Shapes.brighter(shape))
        return np.stack([tilt_do, shape_do, do.get("grey", grey + moved)], 1)

    @staticmethod
    def outline(shape, x, y, size):
        x, y = np.abs(X - x), np.abs(Y - y)
        arms = ((x < 0.4 * size) | (y < 0.4 * size)) & (np.maximum(x, y) < 1.2 * size)
        return (np.hypot(x, y) < 1.1 * size, arms, np.maximum(x, y) < size)[int(shape)]

    @staticmethod
    def render(labels, style):
        (tilt, shape, grey), (right, down, size, ground) = labels, style
        image = np.where(Shapes.outline(shape, 21 + right, 16 + down, size), grey, ground)
        cos, sin = np.cos(0.9 * tilt), np.sin(0.9 * tilt)
        across, along = (X - 7) * cos + (Y - 16) * sin, (Y - 16) * cos - (X - 7) * sin
        return coarse(np.where((np.abs(across) < 1.3) & (np.abs(along) < 6.5), 220, image))[..., None]

    @staticmethod
    def measure(images):
        images = images[..., 0].astype(float)
        ground = np.median(images, axis=(1, 2))[:, None, None]
        stroke = np.clip(images[:, :, :14] - ground - 20, 0, None)
        stroke /= np.maximum(stroke.sum((1, 2), keepdims=True), 1e-6)
        y, x = np.mgrid[:SIDE, :14] + 0.5
        x, y = (a[None] - (stroke * a).sum((1, 2), keepdims=True) for a in (x, y))
        xx, yy, xy = ((stroke * a).sum((1, 2)) for a in (x * x, y * y, x * y))
        tilt = -0.5 * np.arctan2(2 * xy, yy - xx) / 0.9
        places = [(s, x, y, r) for s in range(3) for x in np.linspace(19, 23, 9) for y in np.linspace(13, 19, 13)
                  for r in np.linspace(4, 5.5, 6)]  # fmt: skip
        bank = np.stack([coarse(Shapes.outline(*place).astype(float))[:, 13:].ravel() for place in places])
        centred = bank - bank.mean(1, keepdims=True)
        centred /= np.linalg.norm(centred, axis=1, keepdims=True)
        best = ((images - ground)[:, :, 13:].reshape(len(images), -1) @ centred.T).argmax(1)
        inner = bank[best] > 0.99
        grey = (inner * images[:, :, 13:].reshape(len(images), -1)).sum(1) / inner.sum(1)
        return np.stack([tilt, np.array([place[0] for place in places])[best], grey], 1)


class Scale:
    """Colour, a sum of parts: the levels of two tubes -> a needle -> the glow of a lamp, which their causes determine
    but for hundredths of a standard deviation. Unsaid: how bright the background is."""

    graph: ClassVar = {
        "left": {"part": "left"},
        "right": {"part": "right"},
        "needle": {"parents": ["left", "right"], "part": "needle"},
        "glow": {"parents": ["needle"], "part": "lamp"},
    }
    with_gaps = "needle"

    @staticmethod
    def draw(num, rng):
        left, right = rng.uniform(size=(2, num))
        needle = Scale.mean_needle(left, right) + rng.normal(0, 0.005, num)
        glow = Scale.mean_glow(needle) + rng.normal(0, 0.002, num)
        return np.stack([left, right, needle, glow], 1), rng.uniform(0.05, 0.15, (num, 1))

    @staticmethod
    def mean_needle(left, right):
        return np.sin(1.5 * (left - right))

    @staticmethod
    def mean_glow(needle):
        return 0.3 + 0.5 * needle**2

    @staticmethod
    def under(labels, do):
        left, right, needle, glow = labels.T
        left_do, right_do = do.get("left", left), do.get("right", right)
        needle_do = needle + Scale.mean_needle(left_do, right_do) - Scale.mean_needle(left, right)
        needle_do = do.get("needle", needle_do)
        glow_do = do.get("glow", glow + Scale.mean_glow(needle_do) - Scale.mean_glow(needle))
        return np.stack([left_do, right_do, needle_do, glow_do], 1)

    @staticmethod
    def hand(needle):
        """Where the needle is: 9 pixels from (16, 21), upright at 0."""
        sin, cos = np.sin(0.9 * needle), np.cos(0.9 * needle)
        along, across = (X - 16) * sin - (Y - 21) * cos, (X - 16) * cos + (Y - 21) * sin
        return (np.abs(across) < 1) & (along > 0) & (along < 9)

    @staticmethod
    def render(labels, style):
        left, right, needle, glow = labels
        image = np.full((*X.shape, 3), style[0])
        for at, level in ((5, left), (27, right)):
            image[(np.abs(X - at) < 2) & (30 - 3 - 14 * level < Y) & (Y < 30)] += 0.1, 0.3, 0.7
        image[Scale.hand(needle)] += 0.3, 0.7, 0.2
        image[np.hypot(X - 16, Y - 5) < 3] += glow, 0.5 * glow, 0.0
        return 255 * coarse(image)

    @staticmethod
    def measure(images):
        images = images / 255
        images = images - np.median(images, axis=(1, 2), keepdims=True)
        left, right = ((images[:, :30, at - 1 : at + 1, 2].mean(2) / 0.7).sum(1) for at in (5, 27))
        tried = np.linspace(-1.2, 1.2, 481)
        bank = np.stack([coarse(Scale.hand(needle).astype(float))[11:22, 8:24].ravel() for needle in tried])
        bank /= np.linalg.norm(bank, axis=1, keepdims=True)
        needle = tried[(images[:, 11:22, 8:24, 1].reshape(len(images), -1) @ bank.T).argmax(1)]
        return np.stack([(left - 3) / 14, (right - 3) / 14, needle, images[:, 4:6, 15:17, 0].mean((1, 2))], 1)


SCENES = {"chain": Chain, "lamp": Lamp, "shapes": Shapes, "scale": Scale}


def drawn(scene):
    """Labels [N, n], styles and images [N, 32, 32, C] of all rows, those of training first."""
    labels, style = scene.draw(NUM_TRAIN + NUM_TEST, np.random.default_rng(SEED))
    return labels, style, as_bytes(np.stack([scene.render(*row) for row in zip(labels, style, strict=True)]))


def make(scene, folder):
    labels, _, images = drawn(scene)
    (folder / "images").mkdir(parents=True)
    files = [f"{i:04}.png" for i in range(len(images))]
    for file, image in zip(files, images, strict=True):
        Image.fromarray(image.squeeze()).save(folder / "images" / file)
    table = pd.DataFrame(labels, pd.Index(files, name="file"), scene.graph)
    if hasattr(scene, "classes"):
        table["shape"] = [scene.classes[int(i)] for i in table["shape"]]
    is_train = np.arange(len(table)) < NUM_TRAIN
    table.loc[is_train & (np.random.default_rng(SEED + 1).random(len(table)) < MISSING), scene.with_gaps] = np.nan
    table["split"] = np.where(is_train, "train", "test")
    table.to_csv(folder / "labels.csv")
    (folder / "graph.json").write_text(json.dumps(scene.graph, indent=2) + "\n")


def score(scene, workdir, chosen):
    """Mean errors per standard deviation of the training labels (classes: share of wrong ones), and pixel MSE, under
    do() of each variable and of each pair, on the test images that are scored, or on those that chose settings. Then
    what is read of an effect that was set, and setting it back (`undone`)."""
    model, (labels, style, images) = cdae_jax.load(workdir), drawn(scene)
    rows = np.arange(NUM_TRAIN, NUM_TRAIN + NUM_CHOSEN) if chosen else np.arange(NUM_TRAIN + NUM_CHOSEN, len(labels))
    sd, names = labels[:NUM_TRAIN].std(0), list(scene.graph)
    is_class = [isinstance(spec, dict) and "kind" in spec for spec in scene.graph.values()]
    found, rng = {}, np.random.default_rng(SEED + 2)
    values = {name: rng.permutation(labels[:NUM_TRAIN, i])[: len(rows)] for i, name in enumerate(names)}
    for do in [(name,) for name in names] + list(itertools.combinations(names, 2)):
        asked = {name: values[name] for name in do}
        if hasattr(scene, "classes") and "shape" in asked:
            asked["shape"] = np.array([scene.classes[int(value)] for value in values["shape"]])
        made = model.counterfactual(images[rows], asked).images
        true = scene.under(labels[rows], {name: values[name] for name in do})
        gaps = np.abs(scene.measure(made) - true)
        errors = np.where(is_class, np.where(np.isnan(gaps), np.nan, gaps > 0.5), gaps / sd)
        known = np.isfinite(true).all(1)
        cells = {name: float(np.nanmean(e)) for name, e in zip(names, errors.T, strict=True) if np.isfinite(e).any()}
        cells |= {"pixel_mse": None, "num_images": len(rows)}
        if known.any():  # else the truth is not known, since the noise of a class is not
            drawn_true = [scene.render(*row) for row in zip(true[known], style[rows][known], strict=True)]
            cells["pixel_mse"] = float(np.mean((made[known] / 255 - as_bytes(np.stack(drawn_true)) / 255) ** 2))
        found[f"do({', '.join(do)})"] = cells
    for i, (name, spec) in enumerate(scene.graph.items()):
        if is_class[i] or not (spec.get("parents") if isinstance(spec, dict) else spec):
            continue
        were = scene.under(labels[rows], {name: values[name]})
        if (known := np.isfinite(were).all(1)).any():
            found[f"set({name})"] = undone(model, scene, i, were[known], labels[rows][known], style[rows][known], sd)
    return found


def undone(model, scene, i, were, labels, style, sd):
    """Images in which variable i was set (labels `were`): how far off it is read, per standard deviation, and what
    setting it back leaves between them and the images before, and left as they are."""
    before, after = (
        as_bytes(np.stack([scene.render(*row) for row in zip(y, style, strict=True)])) for y in (labels, were)
    )
    back = model.counterfactual(after, {list(scene.graph)[i]: labels[:, i]}).images
    mse = [float(np.mean((images / 255 - before / 255) ** 2)) for images in (back, after)]
    read = float(np.mean(np.abs(model.encode(after)[:, i] - were[:, i])) / sd[i])
    return {"read": read, "pixel_mse": mse[0], "pixel_mse_unchanged": mse[1], "num_images": len(were)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("make", "score"))
    parser.add_argument("--scene", choices=SCENES, required=True)
    for name in ("folder", "workdir", "output"):
        parser.add_argument(f"--{name}", type=pathlib.Path)
    parser.add_argument("--chosen", action="store_true", help="score the images that chose settings")
    given = parser.parse_args()
    if given.what == "make":
        make(SCENES[given.scene], given.folder)
    else:
        found = json.loads(given.output.read_text()) if given.output.is_file() else {}
        found[given.workdir.name] = score(SCENES[given.scene], given.workdir, given.chosen)
        given.output.write_text(json.dumps(found, indent=1) + "\n")
