"""Thickness and intensity of strokes, measured and set."""

import numpy as np
import pytest
from fakes import bar

from cdae_jax.data import morphology


@pytest.mark.parametrize("width", [2.0, 3.0, 4.0, 5.0])
def test_thickness_of_drawn_bars(width):
    found = [morphology.measure_thickness(bar(width, angle)) for angle in (0.0, 0.4, 0.8, 1.3)]
    assert np.abs(np.array(found) - width).max() < 0.35
    assert abs(np.mean(found) - width) < 0.2


def test_thickness_and_intensity_can_be_set():
    drawn = bar(2.5, 0.4)
    for target in (1.5, 3.0, 4.5):
        thick = morphology.set_thickness(drawn, target)
        assert abs(morphology.measure_thickness(thick) - target) < 0.2
        for grey in (80, 200):
            assert abs(morphology.measure_intensity(morphology.set_intensity(thick, grey)) - grey) <= 1.5
    assert morphology.measure_thickness(np.zeros((28, 28), np.uint8)) == 0
    assert morphology.measure_intensity(np.zeros((28, 28), np.uint8)) == 0
