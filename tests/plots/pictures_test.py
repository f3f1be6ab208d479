"""Where images and their captions stand in a grid."""

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from cdae_jax.plots.pictures import image_table, show_tiled


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_stands_at_the_centre_that_its_captions_get(channels):
    rows = [
        np.stack([np.full((7, 5, channels), 10 * i + j, np.uint8) for j in range(num)]) for i, num in ((1, 3), (2, 2))
    ]
    axis = Figure().subplots()
    x, y = show_tiled(axis, rows, gap=0.25)
    (shown,) = axis.get_images()
    sheet = np.asarray(shown.get_array()).reshape(*shown.get_array().shape[:2], channels)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            top, left = int(y[i] - 3), int(x[j] - 2)
            np.testing.assert_array_equal(sheet[top : top + 7, left : left + 5], image)
    assert (sheet[int(y[1]) - 3 : int(y[1]) + 4, int(x[2]) - 2 : int(x[2]) + 3] == 255).all()  # the row that is shorter
    assert np.count_nonzero((sheet != 255).any(-1)) == 5 * 7 * 5  # nothing else is painted


def test_long_names_above_images_do_not_run_into_each_other(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    images = np.zeros((3, 28, 28, 1), np.uint8)
    names = ["factual", "label-conditional with corrections", "label-conditional without corrections"]
    image_table(tmp_path / "x.png", [("do(a = 1)", images, names)] * 2, "title")
    (figure,) = drawn
    figure.canvas.draw()
    size = images.shape[1]  # neither does a name reach into the image above it
    to_pixels = figure.axes[0].transData.transform
    above = [to_pixels((x, y + size / 2))[1] for x, y in [(0, figure.axes[0].get_yticks()[0])]]
    assert all(text.get_window_extent().y1 < above[0] for text in figure.axes[0].texts[3:])
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 6 and not any(one.overlaps(other) for one, other in itertools.pairwise(boxes))
