"""Two pictures of docs/assumptions.md, by the model that the package brings: a wrong label, and another world's images.

python docs/assumptions_pictures.py
"""

import pathlib

import numpy as np

import cdae_jax
from cdae_jax.data import pendulum
from cdae_jax.plots.pictures import counterfactual_grid

NUM, SIDE = 6, 32
LIGHT, ANGLE, TOO_LONG, DARKER = 110.0, -15.0, 3.0, 0.7


def under(labels: np.ndarray, name: str, value: float) -> np.ndarray:
    """The true counterfactual images."""
    is_set = np.tile([other == name for other in pendulum.GRAPH.names], (len(labels), 1))
    return np.asarray(pendulum.render(pendulum.true_counterfactual(labels, is_set, np.full_like(labels, value)), SIDE))


def darker(images: np.ndarray) -> np.ndarray:
    return (DARKER * images).astype(np.uint8)


def main(folder: pathlib.Path) -> None:
    model = cdae_jax.load("pendulum")
    labels = pendulum.continuous_labels(NUM, np.random.default_rng(4))
    images = np.asarray(pendulum.render(labels, SIDE))

    wrong = labels + TOO_LONG * (np.array(pendulum.GRAPH.names) == "length")
    rows = [("factual", images)]
    for title, given in (("right labels given", labels), ("length given 3 too long", wrong)):
        rows.append((title, model.counterfactual(images, {"light": LIGHT}, labels=given).images))
    rows.append(("true counterfactual", under(labels, "light", LIGHT)))
    captions = [f"length {length:.1f}" for length in labels[:, pendulum.GRAPH.index("length")]]
    title = f"Pendulum: do(light = {LIGHT:g}), with right and with wrong labels"
    counterfactual_grid(folder / "assumptions_labels.png", rows, captions, title)

    made = model.counterfactual(darker(images), {"angle": ANGLE})
    rows = [("factual", darker(images)), ("counterfactual", made.images)]
    rows.append(("true counterfactual", darker(under(labels, "angle", ANGLE))))
    captions = [f"support {support:.0f}" for support in made.support]
    title = f"Pendulum: do(angle = {ANGLE:g}), images darker than those of training"
    counterfactual_grid(folder / "assumptions_rows.png", rows, captions, title)


if __name__ == "__main__":
    main(pathlib.Path(__file__).parent)
