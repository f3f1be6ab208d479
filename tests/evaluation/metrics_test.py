"""Metrics against cases worked by hand, closed forms and other libraries."""

import numpy as np
import pytest
import scipy.linalg
from sklearn.metrics import f1_score

from cdae_jax.evaluation import metrics
from cdae_jax.graph import CausalGraph, Variable


def test_absolute_error_by_hand():
    read, true = np.array([[1.0, 10.0], [3.0, 14.0]]), np.array([[2.0, 10.0], [6.0, 10.0]])
    graph = CausalGraph((Variable("a"), Variable("b")))
    normalised, physical = metrics.absolute_error(graph, read, true, np.array([2.0, 4.0]))
    np.testing.assert_allclose(physical, [2, 2])
    np.testing.assert_allclose(normalised, [1, 0.5])
    _, physical = metrics.absolute_error(graph, read, np.array([[2.0, np.nan], [np.nan, np.nan]]), np.ones(2))
    assert physical[0] == 1 and np.isnan(physical[1])


def test_gaps_are_normalised_for_numbers_and_zero_or_one_for_classes():
    graph = CausalGraph((Variable("a"), Variable("on", kind="binary")))
    gaps = metrics.absolute_gaps(
        graph, np.array([[3.0, 0.9], [1, 0.2]]), np.array([[1, 1], [np.nan, 1]]), np.array([4, 9])
    )
    np.testing.assert_array_equal(gaps, [[0.5, 0], [np.nan, 1]])


def test_classes_are_judged_by_accuracy_and_f1():
    graph = CausalGraph((Variable("on", kind="binary"), Variable("digit", kind="categorical", classes=3)))
    read = np.array([[0.9, 0], [0.2, 1], [0.7, 2], [-0.4, 2]])
    true = np.array([[1, 0], [1, 1], [1, 0], [0, 2]])
    share, same = metrics.absolute_error(graph, read, true, np.full(2, 0.5))
    np.testing.assert_allclose(share, [0.25, 0.25])
    np.testing.assert_allclose(same, share)
    classes = metrics.as_classes(graph, read)
    expected = f1_score(true[:, 1], classes[:, 1], average="macro")
    assert metrics.macro_f1(classes[:, 1], true[:, 1], 3) == pytest.approx(expected)


def test_intervals_cover_the_mean_of_a_known_distribution():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        low, high = metrics.bootstrap_interval(rng.exponential(2.0, 100))
        inside += low < 2 < high
    assert 0.88 < inside / 200 <= 0.99
    values = np.array([1.0, np.nan, 3.0])
    found = metrics.mean_with_interval(values)
    assert found["mean"] == 2 and found["count"] == 2 and found["interval"][0] >= 1
    assert np.isnan(metrics.mean_with_interval(np.array([np.nan]))["mean"])


def test_pixel_errors_by_hand():
    black, white = np.zeros((1, 2, 2, 1), np.uint8), np.full((1, 2, 2, 1), 255, np.uint8)
    assert metrics.mean_squared_error(white, black) == 1
    assert metrics.psnr(1.0) == 0 and metrics.psnr(0.01) == pytest.approx(20)
    half = white.copy()
    half[0, 0] = 0
    assert metrics.mean_squared_error(half, white) == 0.5


def test_ssim_is_one_for_equal_images_and_falls_with_noise():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 16, 16, 3), np.uint8)
    np.testing.assert_allclose(metrics.ssim(images, images), 1)
    noisy = np.clip(images + rng.normal(0, 40, images.shape), 0, 255).astype(np.uint8)
    assert (metrics.ssim(noisy, images) < 0.99).all() and (metrics.ssim(noisy, images) > 0.3).all()
    # Flat images: the mean's factor alone, (2 a b + c) / (a^2 + b^2 + c) with c = (0.01 * 255)^2.
    a, b, c = 100, 150, (0.01 * 255) ** 2
    flat = metrics.ssim(np.full((1, 16, 16, 1), a, np.uint8), np.full((1, 16, 16, 1), b, np.uint8))
    assert flat[0] == pytest.approx((2 * a * b + c) / (a**2 + b**2 + c))


def test_the_frechet_distance_of_gaussians_is_the_closed_form():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (40_000, 2)), rng.normal([1, 0], [2, 3], (40_000, 2))
    assert metrics.frechet_distance(a, b) == pytest.approx(1 + 1 + 4, rel=0.05)  # |gap|^2 + sum (sd - sd)^2
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    mix = np.array([[1.0, 0.7], [0.0, 1.0]])  # against SciPy's matrix square root
    first, second = np.cov(a @ mix, rowvar=False), np.cov(b, rowvar=False)
    gap = (a @ mix).mean(0) - b.mean(0)
    expected = gap @ gap + np.trace(first + second - 2 * scipy.linalg.sqrtm(first @ second).real)
    assert metrics.frechet_distance(a @ mix, b) == pytest.approx(expected, rel=1e-9)


def test_sharpness_is_the_energy_of_edges_beside_that_of_real_images():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 8, 8, 3), np.uint8)
    assert metrics.sharpness(images, images).mean() == pytest.approx(1)
    half = (128 + (images.astype(float) - 128) / 2).round().astype(np.uint8)  # half of the contrast
    np.testing.assert_allclose(metrics.sharpness(half, images), metrics.sharpness(images, images) / 4, rtol=0.01)
    step = np.zeros((1, 4, 4, 1), np.uint8)
    step[:, :, 2:] = 100
    two = step.copy()
    two[:, :, 1] = 50  # the same step in two halves: 2 * 50^2 instead of 100^2
    np.testing.assert_allclose(metrics.sharpness(two, step), 0.5)
    assert (metrics.sharpness(np.full_like(step, 9), np.full_like(step, 9)) == 0).all()


def test_minimality_is_zero_for_no_change_and_one_for_becoming_another():
    rng = np.random.default_rng(0)
    factual, others = rng.normal(size=(50, 8)), rng.normal(size=(50, 8))
    np.testing.assert_array_equal(metrics.minimality(factual, factual, others), 0)
    assert metrics.minimality(factual, others, others).mean() == pytest.approx(1)
    half = (factual + others) / 2
    assert metrics.minimality(factual, half, others).mean() == pytest.approx(0.5)


def test_images_add_up_to_the_mean_of_all_cells_however_many_labels_are_missing():
    rng = np.random.default_rng(0)
    per_image = rng.uniform(size=(3, 50, 4))  # [do, image, variable]
    np.testing.assert_allclose(metrics.mean_of_cells(per_image), per_image.mean((0, 2)))
    per_image[:, rng.uniform(size=50) < 0.8, 1] = np.nan  # a label that few images have
    per_image[2, :, 3] = np.nan  # an effect whose truth nobody knows
    by_cell = np.array([np.nanmean(cells[:, : 4 - (do == 2)], 0).mean() for do, cells in enumerate(per_image)])
    assert metrics.mean_of_cells(per_image).mean() == pytest.approx(by_cell.mean())
    alone = np.zeros((1, 100, 2))
    alone[0, :, 0], alone[0, 2:, 1] = 1, np.nan  # one variable is wrong in all images, the other right in two
    assert metrics.mean_of_cells(alone).mean() == pytest.approx(0.5)


def test_what_too_few_or_too_small_images_cannot_tell_is_unknown():
    assert np.isnan(metrics.frechet_distance(np.ones((1, 4)), np.ones((9, 4))))
    small = np.zeros((3, 8, 8, 1), np.uint8)
    assert (
        np.isnan(metrics.ssim(small, small)).all()
        and (metrics.ssim(*2 * [np.zeros((3, 11, 11, 1), np.uint8)]) == 1).all()
    )


def test_which_images_have_labels_is_no_error():
    per_image = np.ones((2, 200, 3))
    per_image[:, np.random.default_rng(0).uniform(size=200) < 0.7, 1] = np.nan
    np.testing.assert_allclose(metrics.mean_of_cells(per_image), 1)  # all errors are alike
    per_image[0] *= 5  # and so they are in each of two interventions
    assert metrics.bootstrap_interval(metrics.mean_of_cells(per_image)) == pytest.approx([3, 3])
    assert np.isnan(metrics.mean_of_cells(np.full((1, 4, 2), np.nan))).all()


def test_intervals_of_the_mean_over_cells_are_as_wide_as_it_varies():
    """Over many draws of images, of which seven in ten lack one of two labels."""
    rng, drawn, widths = np.random.default_rng(1), [], []
    for _ in range(200):
        per_image = rng.exponential(size=(1, 150, 2)) * [1, 3]
        per_image[0, rng.uniform(size=150) < 0.7, 1] = np.nan
        shares = metrics.mean_of_cells(per_image)
        drawn.append(shares.mean())
        widths.append(shares.std() / np.sqrt(150))
    assert np.mean(drawn) == pytest.approx(2, abs=0.05) and np.mean(widths) == pytest.approx(np.std(drawn), rel=0.15)
