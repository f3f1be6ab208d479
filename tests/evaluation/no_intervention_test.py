"""The null intervention, the latents and the floor, of models of a small world whose numbers are known."""

import numpy as np
import pytest
import stripes

from cdae_jax.evaluation.no_intervention import measure_composition, measure_floor, measure_latents


def test_the_null_intervention_of_a_model_that_loses_nothing(tmp_path):
    found = measure_composition(stripes.bench_of(stripes.OfTheTruth, tmp_path))
    assert found["mse"]["mean"] == found["mse_after_10"]["mean"] == 0 and found["ssim"]["mean"] == pytest.approx(1)
    assert found["psnr"] == found["psnr_after_10"] == 120 and "inversion" not in found
    assert all(found[name]["normalised"] == 0 for name in "abc")


def test_latents_that_are_the_labels_are_found_to_be_so(tmp_path):
    found = measure_latents(stripes.bench_of(stripes.OfTheTruth, tmp_path, num=200))
    np.testing.assert_allclose(np.sum(found["importance"], 0), 1)
    assert np.diag(found["importance"]).min() > 0.95 and found["dci_per_block"]["disentanglement"] > 0.8
    assert min(found["informativeness"].values()) > 0.95 and min(found["interventional_robustness"].values()) > 0.9
    assert all(error["normalised"] == 0 for error in found["abduction"].values())


def test_the_floor_is_the_reading_of_the_test_images(tmp_path):
    bench = stripes.bench_of(stripes.Idle, tmp_path)
    bench.test.labels[:, 0] += bench.sd[0]
    found = measure_floor(bench)
    assert [found["factual"][name]["normalised"] for name in "abc"] == pytest.approx([1, 0, 0])
