"""Answers: two that unpack, and what else they carry."""

import numpy as np

from cdae_jax.inference.answers import Believed, Counterfactuals


def test_a_counterfactual_is_images_and_labels_with_nothing_else_until_it_is_asked_for():
    images, labels = np.zeros((2, 4, 4, 1), np.uint8), np.ones((2, 3))
    made = Counterfactuals(images, labels)
    assert made[0] is images is made.images and made[1] is labels is made.labels and len(made) == 2
    assert made.support is made.spread is made.image_sd is None
    made.support = np.zeros(2)
    assert Counterfactuals(images, labels).support is None and Believed(labels, None).labels is labels
